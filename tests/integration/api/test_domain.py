"""Domains: added with keys of their own and all that is to be published, changed, removed; their secrets kept."""

import asyncio
import base64
from typing import Any

import pytest

from shared.composing.dkim import DkimKey, MessageSigner, load_key
from shared.domain.account import Role
from shared.domain.identifiers import TaskId
from shared.domain.task import ChangeTask, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from shared.sealing import dkim_context, open_sealed
from tests.integration.api.conftest import Client, Clients, Ready, count_events, drive
from tests.integration.api.test_key import TABLES
from tests.verify_dkim import verdicts

AGAIN = {"Idempotency-Key": "domain"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
MAIL = b"From: a@example.com\r\nSubject: x\r\n\r\nx\r\n"


async def add(client: Client, name: str = "example.com", **given: Any) -> dict[str, Any]:
    made = await client.post("/domain", {"name": name, **given})
    assert made.status == 201, made.json
    answer: dict[str, Any] = made.json
    return answer


async def test_a_domain_is_read_as_it_was_answered(client: Client) -> None:
    posted = await client.post("/domain", {"name": "example.com", "bouncing": True})

    assert posted.status == 201
    assert posted.headers["Location"] == f"/domain/{posted.json['id']}"
    assert (await client.get(posted.headers["Location"])).json == posted.json
    assert (await client.get("/domain")).json == [posted.json]


async def test_what_is_to_be_published_is_told(client: Client) -> None:
    made = await add(client, bouncing=True)
    key = {"type": "TXT", "name": f"{made['dkim_selector']}._domainkey.example.com"}

    assert made["dns"] == [
        {"type": "TXT", "name": "example.com", "value": "v=spf1 include:bounce.localhost ~all"},
        {**key, "value": f"v=DKIM1; k=rsa; p={made['dkim_public_key']}"},
        {"type": "TXT", "name": "_dmarc.example.com", "value": "v=DMARC1; p=none"},
        {"type": "MX", "name": "example.com", "value": "10 bounce.localhost"},
    ]
    assert made["zone"].count("\n") == 4
    assert made["dkim_algorithm"] == "rsa-sha256"
    assert made["bouncing"] is True


async def test_without_a_look_at_dns_a_domain_is_good_at_once(client: Client) -> None:
    made = await add(client)

    assert made["verified"] is True
    assert made["missing"] == []


async def test_the_keys_in_the_rows_sign_what_the_records_verify(
    client: Client, database: Database, settings: Settings
) -> None:
    """Both halves belong together, and the private one is sealed."""
    made = await add(client, dkim_algorithm="ed25519-sha256")
    published = {record["name"]: record["value"] for record in made["dns"]}
    rows = await database.fetch("SELECT * FROM dkim_key ORDER BY id")
    keys = [
        DkimKey(
            "example.com",
            row["selector"],
            row["algorithm"],
            load_key(row["algorithm"], open_sealed(settings.secret, dkim_context(row["id"]), row["private_key"])),
        )
        for row in rows
    ]

    assert [key.algorithm for key in keys] == ["rsa-sha256", "ed25519-sha256"]
    assert keys[0].private.key_size == 2048  # type: ignore[union-attr]  # the first is of RSA
    assert verdicts(MessageSigner(keys, MAIL, 0.0).sign(MAIL), published) == [True, True]


async def test_a_private_key_is_in_no_answer_no_event_and_no_other_row(
    client: Client, database: Database, settings: Settings
) -> None:
    made = await client.post("/domain", {"name": "example.com"}, headers=AGAIN)
    private = [
        open_sealed(settings.secret, dkim_context(row["id"]), row["private_key"])
        for row in await database.fetch("SELECT id, private_key FROM dkim_key")
    ]
    spellings = [form for key in private for form in (key.hex()[-60:], base64.b64encode(key).decode()[-60:])]
    told = [made.data.decode()] + [
        row["row"]
        for table in await database.fetch(TABLES)
        for row in await database.fetch(f"SELECT {table['name']}::text AS row FROM {table['name']}")
    ]

    assert len(private) == 2
    assert any(made.json["dkim_public_key"] in text for text in told[1:])
    assert not [text for text in told if any(spelling in text for spelling in spellings)]


async def test_a_name_is_kept_as_dns_has_it_and_given_once(client: Client, database: Database) -> None:
    made = await add(client, "News.Bücher.Example.ORG.")
    before = await count_events(database)

    assert made["name"] == "news.xn--bcher-kva.example.org"
    assert (await client.post("/domain", {"name": made["name"]})).status == 409
    assert await count_events(database) == before


async def test_every_fault_is_named(client: Client) -> None:
    reply = await client.post(
        "/domain", {"name": "x", "bouncing": "maybe", "dkim_algorithm": "rsa-sha1", "verified": True}
    )

    assert (reply.status, reply.faults) == (400, {"name", "bouncing", "dkim_algorithm", "verified"})


async def test_a_form_will_do(client: Client) -> None:
    made = await client.post("/domain", b"name=example.com&bouncing=1", headers=FORM)

    assert (made.status, made.json["bouncing"]) == (201, True)


async def test_of_two_at_once_one_is_added(client: Client) -> None:
    replies = await asyncio.gather(*(client.post("/domain", {"name": "example.com"}) for _ in range(4)))

    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
    assert len((await client.get("/domain")).json) == 1


async def test_a_repeated_post_adds_nothing(client: Client, database: Database) -> None:
    first = await client.post("/domain", {"name": "example.com"}, headers=AGAIN)
    events = await count_events(database)
    second = await client.post("/domain", {"name": "example.com"}, headers=AGAIN)

    assert (second.status, second.json) == (201, first.json)
    assert await count_events(database) == events


async def test_a_second_account_has_the_same_domain_with_keys_of_its_own(client: Client, clients: Clients) -> None:
    """Whoever may publish a key is told by DNS, not by who came first; and neither sees the other's."""
    other = await clients.make(account="other", user="otto")
    ours, theirs = await add(client), await add(other)

    assert ours["dkim_selector"] != theirs["dkim_selector"]
    assert ours["dkim_public_key"] != theirs["dkim_public_key"]
    assert (await other.get(f"/domain/{ours['id']}")).status == 404
    assert (await other.put(f"/domain/{ours['id']}", {"bouncing": True})).status == 404
    assert (await other.send("DELETE", f"/domain/{ours['id']}")).status == 404
    assert [domain["id"] for domain in (await other.get("/domain")).json] == [theirs["id"]]


async def test_a_change_keeps_what_it_does_not_name(client: Client) -> None:
    made = await add(client)
    path = f"/domain/{made['id']}"
    bouncing = (await client.put(path, {"bouncing": True})).json
    both = (await client.put(path, {"dkim_algorithm": "ed25519-sha256", "name": "EXAMPLE.com"})).json

    assert [record["type"] for record in bouncing["dns"]] == ["TXT", "TXT", "TXT", "MX"]
    assert {**made, "bouncing": True} == {**bouncing, "dns": made["dns"], "zone": made["zone"]}
    assert (both["bouncing"], both["dkim_algorithm"], len(both["dns"])) == (True, "ed25519-sha256", 5)
    assert both["dns"][2]["name"] == f"{made['dkim_selector']}-ed25519._domainkey.example.com"
    assert both["dkim_public_key"] == made["dkim_public_key"]
    assert (await client.get(path)).json == both


async def test_a_domain_does_not_change_its_name(client: Client) -> None:
    made = await add(client)
    reply = await client.put(f"/domain/{made['id']}", {"name": "example.org"})

    assert (reply.status, reply.faults) == (400, {"name"})


async def test_a_removed_domain_is_gone_and_may_come_again_with_other_keys(client: Client, database: Database) -> None:
    """Its keys stay for the tasks that sign with them."""
    made = await add(client)
    removed = await client.send("DELETE", f"/domain/{made['id']}")
    again = await add(client)

    assert (removed.status, removed.json) == (200, made)
    assert (await client.get(f"/domain/{made['id']}")).status == 404
    assert (await client.send("DELETE", f"/domain/{made['id']}")).status == 404
    assert (await client.put(f"/domain/{made['id']}", {})).status == 404
    assert [domain["id"] for domain in (await client.get("/domain")).json] == [again["id"]]
    assert again["dkim_public_key"] != made["dkim_public_key"]
    assert await database.fetch_value("SELECT count(*) FROM dkim_key") == 4


async def test_a_domain_that_a_task_waits_for_stays(client: Client, ready: Ready, store: PostgresEventStore) -> None:
    """Until it has started, or is cancelled."""
    made = await add(client)
    path = f"/domain/{made['id']}"
    tasks = [(await client.post("/task", ready.task())).json["id"] for _ in range(2)]
    refused = await client.send("DELETE", path)

    assert refused.status == 409
    assert all(str(task) in refused.json["detail"] for task in tasks)
    await drive(store, TaskId(tasks[0]), StartTask(1))
    await drive(store, TaskId(tasks[1]), ChangeTask(frozenset({"cancelled"}), cancelled=True))
    assert (await client.send("DELETE", path)).status == 200


async def test_domains_come_in_pages(client: Client) -> None:
    ids = [(await add(client, f"n{number}.example.com"))["id"] for number in range(3)]
    first = await client.get("/domain?count=2")
    second = await client.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    assert first.headers["X-Total-Count"] == "3"
    assert [found["id"] for found in first.json + second.json] == ids
    assert "Link" not in second.headers


@pytest.mark.parametrize("role", ["member", "reader"])
async def test_a_reader_reads_and_the_others_write(client: Client, clients: Clients, role: Role) -> None:
    made = await add(client)
    other = await clients.make(user="otto", role=role)
    allowed = role == "member"

    assert (await other.get(f"/domain/{made['id']}")).status == 200
    assert (await other.post("/domain", {"name": "example.org"})).status == (201 if allowed else 403)
    assert (await other.put(f"/domain/{made['id']}", {})).status == (200 if allowed else 403)
    assert (await other.send("DELETE", f"/domain/{made['id']}")).status == (200 if allowed else 403)
