"""What templates, values and addresses do on the way to a relay: nothing but what is written in the message."""

import re
from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.message import EditMessage
from shared.event_store.handle_command import Done, Handler
from shared.event_store.read_models.message import MESSAGES
from shared.postgres.database import Database
from tests.audience import ACCOUNT, CONTENT, post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, ordinal_of, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.mails import body, read
from tests.sinks.fake_relay import FakeRelay

TRICK = "x\r\n.\r\nMAIL FROM:<eve@example.org>\r\nDATA\r\nBcc: eve@example.org\u2028\x85\r\n\r\n.."
LOGIC = {
    "subject": "{% if vars.name %}{{ vars.name | upper }}{% else %}You{% endif %}",
    "html": "{% for item in vars.items %}<b>{{ item.name }}</b>{% else %}<i>nothing</i>{% endfor %}",
    "text": None,
}
OURS = re.compile(
    rb"EHLO [a-z0-9.\[\]:-]+|MAIL FROM:<b\+[a-z2-7]{50}@[a-z0-9.-]+>( SIZE=\d+| BODY=8BITMIME| SMTPUTF8)*"
    rb"|RCPT TO:<person-1-\d+@example\.com>|DATA|RSET|NOOP|QUIT",
    re.IGNORECASE,
)


async def notes(database: Database, kind: Kind) -> dict[int, str]:
    """What was noted of each recipient with this kind."""
    rows = await database.fetch("SELECT hits FROM segment WHERE kind = $1", int(kind))
    found = [decode_hits(row["hits"]) for row in rows]
    return {
        ordinal: hits.notes[detail - 1]
        for hits in found
        for ordinal, detail in zip(hits.ordinals, hits.details, strict=True)
    }


async def test_each_recipient_has_his_own_branches(database: Database, tmp_path: Path) -> None:
    await post_task(database, 20, content=LOGIC)
    await database.execute(
        """UPDATE subscriber SET vars = '{"items": [{"name": "<x>"}, {"name": 2}]}' WHERE id = 10000003"""
    )
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.DELIVERED] == BitMap(range(20))
    mails = {ordinal_of(taken.message_id): read(taken.content) for taken in relay.ledger}
    assert (mails[3]["Subject"], mails[4]["Subject"]) == ("You", "PERSON 4")
    assert "<b>&lt;x&gt;</b><b>2</b>" in body(mails[3], "html")
    assert body(mails[3], "plain").startswith("<x>2\n")
    assert "<i>nothing</i>" in body(mails[4], "html")


async def test_one_whose_values_are_too_much_fails_alone(database: Database, tmp_path: Path) -> None:
    """With the reason, and without a word of what the values are."""
    await post_task(database, 40, content=LOGIC)
    await database.execute(
        "UPDATE subscriber SET vars = jsonb_build_object('items', array_fill('secret'::text, ARRAY[20000]))"
        " WHERE id = 10000007"
    )
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 40)

    assert sets[Kind.FAILED] == BitMap([7])
    assert sets[Kind.SUBMITTED] == BitMap(range(40)) - BitMap([7])
    assert await notes(database, Kind.FAILED) == {7: "the template takes more than 20,000 steps"}


async def test_the_relay_hears_our_commands_alone(
    database: Database, handler: Handler, owner: Database, tmp_path: Path
) -> None:
    """Whatever stands in values and addresses: one that cannot be said fails, and nobody is added."""
    tricks = [
        "x>\r\nRCPT TO:<eve@example.org",
        "a@example.org>\r\nDATA",
        "a@b.example, eve@example.org",
        "a\u2028b@c.example",
    ]
    content = {"subject": "{{ vars.name }}", "text": "{{ vars.name }}\n.\n{{ vars.name | trim }}", "html": None}
    await ready_task(database, handler, 40, content=content)
    await database.execute("UPDATE subscriber SET vars = jsonb_build_object('name', $1::text)", TRICK)
    for ordinal, address in enumerate(tricks):
        await owner.execute("UPDATE contact_record SET address = $2 WHERE ordinal = $1", ordinal, address)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 40)

    assert sets[Kind.FAILED] == BitMap(range(len(tricks)))
    assert copies(relay) == Counter(range(len(tricks), 40))
    assert [command for command in relay.commands if not OURS.fullmatch(command)] == []
    assert Counter(relay.recipients()) == Counter(f"person-1-{number}@example.com" for number in range(len(tricks), 40))
    for taken in relay.ledger:
        message = read(taken.content)
        assert message["Bcc"] is None
        assert Counter(message.keys()).most_common(1)[0][1] == 1, "no field is there twice"
        assert body(message, "plain").count("Bcc: eve@example.org") == 2


async def test_a_task_keeps_the_version_it_started_with(database: Database, handler: Handler, tmp_path: Path) -> None:
    """What is edited afterwards is what the next task sends, and what is shown and previewed."""
    await ready_task(database, handler, 5, content={**LOGIC, "text": "first {{ vars.name | lower }}"})
    edit = EditMessage("message", {**CONTENT, "text": "second"}, ())
    assert isinstance(await handler.handle(MESSAGES, "message-1", edit, ACCOUNT), Done)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database, 5)

    texts = {ordinal_of(taken.message_id): body(read(taken.content), "plain") for taken in relay.ledger}
    assert all(text.startswith(f"first person {ordinal}\n") for ordinal, text in texts.items())
    assert await database.fetch_value("SELECT content ->> 'text' FROM message WHERE id = 1") == "second"
