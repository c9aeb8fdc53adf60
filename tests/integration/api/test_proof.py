"""``/message/:id/test``: marked proofs, as notices that a dispatcher sends."""

import asyncio
import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest

from shared.bus.in_process import InProcess
from shared.bus.interface import Hint
from shared.domain.identifiers import Instant
from shared.domain.tokens import TokenKeys, TokenKind
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in
from tests.integration.api.conftest import EMAIL_MESSAGE, Client, Clients

SMS_MESSAGE = {"channel": "sms", "name": "Text", "sender": "Acme", "body": 'Hi {{ vars.name | default("you") }}'}
ANN, BOB = "ann@example.org", "bob@example.org"


@pytest.fixture
async def message(client: Client) -> str:
    """Its path."""
    return str((await client.post("/message", EMAIL_MESSAGE)).headers["Location"])


@pytest.fixture
async def sms(client: Client) -> str:
    return str((await client.post("/message", SMS_MESSAGE)).headers["Location"])


async def rows(database: Database) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch("SELECT * FROM notice ORDER BY id")]


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def test_a_proof_is_marked_and_goes_to_each(client: Client, database: Database, message: str) -> None:
    """Answered with what it can be asked about; the rest is the dispatcher's, who is told."""
    posted = await client.post(f"{message}/test", {"to": [ANN, BOB], "vars": {"name": "Käthe"}})

    assert posted.status == 202
    found = await rows(database)
    assert posted.json == {"ids": [row["id"] for row in found]}
    assert [(row["address"], row["purpose"], row["state"], row["channel"]) for row in found] == [
        (ANN, "proof", "waiting", "email"),
        (BOB, "proof", "waiting", "email"),
    ]
    mails = [parsed(row["content"]) for row in found]
    assert [(mail["To"], mail["Subject"]) for mail in mails] == [
        (ANN, "[Test] Hello Käthe"),
        (BOB, "[Test] Hello Käthe"),
    ]
    assert len({mail["Message-ID"] for mail in mails}) == 2
    assert len({row["sender"] for row in found}) == 2


async def test_a_proof_counts_nothing_and_unsubscribes_nobody(
    client: Client, database: Database, settings: Settings, message: str
) -> None:
    """No pixel, links as they are; its tokens name no task, and nothing that a recipient has."""
    await client.post(f"{message}/test", {"to": [ANN]})
    (row,) = await rows(database)
    mail, keys = parsed(row["content"]), TokenKeys(settings.secret)

    html, text = body(mail, "html"), body(mail, "plain")
    assert 'href="https://example.com/a"' in html
    assert "https://example.com/b" in text
    assert "<img" not in html
    assert "/c/" not in html + text
    unsubscribe = keys.read_web(mail["List-Unsubscribe"].strip("<>").rpartition("/u/")[2])
    sender = keys.read_verp(row["sender"].partition("@")[0])
    assert unsubscribe is not None
    assert sender is not None
    assert (unsubscribe.kind, sender.kind) == (TokenKind.UNSUBSCRIBE, TokenKind.BOUNCE)
    assert unsubscribe.task == sender.task == -row["id"]
    assert "/u/" in html


async def test_a_proof_by_sms(client: Client, database: Database, sms: str) -> None:
    await client.post(f"{sms}/test", {"to": ["+44 7700 900123"], "vars": {"name": "Ann"}})
    (row,) = await rows(database)

    assert (row["channel"], row["sender"], row["address"], row["content"]) == (
        "sms",
        "Acme",
        "+447700900123",
        b"[Test] Hi Ann",
    )


async def test_a_subscriber_s_values_may_be_shown(client: Client, database: Database, message: str) -> None:
    """To whoever asked for the proof; a row names the subscriber whose address or values it holds."""
    list_id = (await client.post("/list", {"name": "All"})).json["id"]
    people = [{"email": BOB, "vars": {"name": "Bob"}}, {"email": "ANN@example.org"}]
    bob, ann = (await client.post(f"/list/{list_id}/subscriber", people)).json["ids"]
    posted = await client.post(f"{message}/test", {"to": [ANN, "eve@example.org"], "subscriber_id": bob})

    assert posted.status == 202
    found = await rows(database)
    assert [parsed(row["content"])["Subject"] for row in found] == ["[Test] Hello Bob"] * 2
    assert [row["subscriber_id"] for row in found] == [ann, bob]


async def test_what_becomes_of_it_can_be_asked(clients: Clients, client: Client, database: Database, sms: str) -> None:
    """By its account, and among members by who sent it."""
    (number,) = (await client.post(f"{sms}/test", {"to": ["+447700900123"]})).json["ids"]
    await database.execute("UPDATE notice SET state = 'failed', reason = 'no such number'")
    seen = (await client.get(f"/notice/{number}")).json
    member, stranger = await clients.make(user="max", role="member"), await clients.make("other", "bob")

    assert seen.pop("cdate") > 1_700_000_000
    assert seen == {
        "id": number,
        "user_id": client.created["user_id"] if client.created else 0,
        "subscriber_id": None,
        "channel": "sms",
        "purpose": "proof",
        "to": "+447700900123",
        "state": "failed",
        "reason": "no such number",
        "attempt": 1,
    }
    assert [(await other.get(f"/notice/{number}")).status for other in (member, stranger)] == [404, 404]


async def test_a_repeated_post_sends_no_second_proof(client: Client, database: Database, message: str) -> None:
    """All at once or later; and what is kept of the answer is no address."""
    headers = {"Idempotency-Key": "once"}
    posts = [client.post(f"{message}/test", {"to": [ANN]}, headers=headers) for _ in range(5)]
    replies = await asyncio.gather(*posts)

    assert {(reply.status, reply.data) for reply in replies} == {(202, replies[0].data)}
    assert len(await rows(database)) == 1
    assert b"@" not in await database.fetch_value("SELECT body FROM idempotency WHERE key = 'once'")


async def test_the_dispatcher_is_told(client: Client, bus: InProcess, message: str) -> None:
    hints: list[Hint] = []

    async def hear(hint: Hint) -> None:
        hints.append(hint)

    async with await bus.listen("dispatcher", hear):
        await client.post(f"{message}/test", {"to": [ANN]})
        async with asyncio.timeout(10):
            while not hints:
                await asyncio.sleep(0.01)

    assert [hint.topic for hint in hints] == ["notices_due"]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {"to"}),
        ({"to": []}, {"to"}),
        ({"to": ["x"] * 21}, {"to"}),
        ({"to": "ann@example.org"}, {"to"}),
        ({"to": [ANN, "odd", "+447700900123", 5]}, {"to.3"}),
        ({"to": [ANN, "odd", "+447700900123"]}, {"to.1", "to.2"}),
        ({"to": [ANN, BOB, "ANN@example.org"]}, {"to.2"}),
        ({"to": ["odd"], "subscriber_id": 99}, {"to.0", "subscriber_id"}),
        ({"to": [ANN], "subscriber_id": 1, "vars": {}}, {"vars"}),
        ({"to": [ANN], "vars": {"a": "\x00"}}, {"vars"}),
        ({"to": [ANN], "subject": "x"}, {"subject"}),
    ],
)
async def test_what_is_no_proof(
    client: Client, database: Database, message: str, given: dict[str, Any], fields: set[str]
) -> None:
    """Every fault by its place; nothing is sent to those that are right."""
    reply = await client.post(f"{message}/test", given)

    assert (reply.status, reply.faults) == (400, fields)
    assert await rows(database) == []


async def test_twenty_addresses_are_not_too_many(client: Client, database: Database, message: str) -> None:
    reply = await client.post(f"{message}/test", {"to": [f"p{number}@example.org" for number in range(20)]})

    assert (reply.status, len(await rows(database))) == (202, 20)


async def test_an_email_address_is_no_way_to_send_an_sms(client: Client, sms: str) -> None:
    assert (await client.post(f"{sms}/test", {"to": ["+447700900123", ANN]})).faults == {"to.1"}


async def test_whoever_is_suppressed_gets_no_proof_either(
    client: Client, database: Database, settings: Settings, message: str
) -> None:
    """Of the account and this channel; the end of a single subscription forbids none."""
    account_id = client.created["account_id"] if client.created else 0
    wanted = [
        NewSuppression(account_id, "email", ANN, "complaint", "task 7"),
        NewSuppression(account_id, "email", BOB, "unsubscribed", "task 7", list_id=1),
        NewSuppression(account_id + 1, "email", BOB, "complaint", "task 7"),
    ]
    async with database.transaction() as connection:
        await suppress_in(connection, AddressHashes(settings.secret), wanted, Instant(1.0), "some")
    reply = await client.post(f"{message}/test", {"to": [BOB, ANN]})

    assert (reply.status, reply.faults) == (409, {"to.1"})
    assert "complaint" in reply.json["detail"]
    assert (await client.post(f"{message}/test", {"to": [BOB]})).status == 202


@pytest.mark.parametrize(("kind", "status"), [("marketing", 409), ("service", 202)])
async def test_an_opt_out_of_marketing_leaves_proofs_of_the_service(
    client: Client, database: Database, settings: Settings, kind: str, status: int
) -> None:
    """As it leaves the messages themselves."""
    account_id = client.created["account_id"] if client.created else 0
    wanted = NewSuppression(account_id, "email", ANN, "opted_out", "task 7", marketing_only=True)
    async with database.transaction() as connection:
        await suppress_in(connection, AddressHashes(settings.secret), [wanted], Instant(1.0), "one")
    path = (await client.post("/message", {**EMAIL_MESSAGE, "class": kind})).headers["Location"]

    assert (await client.post(f"{path}/test", {"to": [ANN]})).status == status
    assert [row["purpose"] for row in await rows(database)] == ["service_proof"] * (status == 202)


async def test_the_opt_out_of_a_subscriber_is_one_of_his_address(
    client: Client, database: Database, message: str
) -> None:
    """Though nobody has suppressed it."""
    listed = (await client.post("/list", {"name": "Readers"})).headers["Location"]
    await client.post(f"{listed}/subscriber", {"email": ANN.title()})
    await database.execute("UPDATE subscriber SET optout = 'basic'")
    reply = await client.post(f"{message}/test", {"to": [BOB, ANN]})

    assert (reply.status, reply.faults) == (409, {"to.1"})


@pytest.mark.parametrize(
    ("made", "given", "status", "fields"),
    [
        pytest.param(
            {**EMAIL_MESSAGE, "subject": "s" * 995}, {"to": [ANN]}, 409, {"subject"}, id="no room for the mark"
        ),
        pytest.param(
            {**SMS_MESSAGE, "body": "{{ vars.name }}"},
            {"to": ["+447700900123"], "vars": {"name": "x" * 2_000}},
            400,
            {"vars"},
            id="too long with these values",
        ),
    ],
)
async def test_a_proof_that_could_not_be_sent_is_refused(
    client: Client, database: Database, made: dict[str, Any], given: dict[str, Any], status: int, fields: set[str]
) -> None:
    path = (await client.post("/message", made)).headers["Location"]
    reply = await client.post(f"{path}/test", given)

    assert (reply.status, reply.faults, await rows(database)) == (status, fields, [])


async def test_who_may_send_a_proof(clients: Clients, message: str) -> None:
    """Not a reader; a member only of his own messages; nobody of another account."""
    reader, member = await clients.make(user="rea", role="reader"), await clients.make(user="max", role="member")
    stranger = await clients.make("other", "bob")
    own = (await member.post("/message", EMAIL_MESSAGE)).headers["Location"]
    statuses = [(await who.post(f"{message}/test", {"to": [ANN]})).status for who in (reader, member, stranger)]

    assert statuses == [403, 404, 404]
    assert (await member.post(f"{own}/test", {"to": [ANN]})).status == 202


async def test_values_of_a_recipient_are_text_wherever_they_stand(
    client: Client, database: Database, message: str
) -> None:
    """No header, no html and no placeholder is made of them."""
    name = "A\r\nBcc: eve@example.org\u2028<b>{{ email }}</b>"
    await client.post(f"{message}/test", {"to": [ANN], "vars": {"name": name}})
    (row,) = await rows(database)
    mail = parsed(row["content"])

    assert (mail["Bcc"], mail["Subject"]) == (None, "[Test] Hello ABcc: eve@example.org<b>{{ email }}</b>")
