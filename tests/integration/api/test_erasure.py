"""Erasing a person: the address goes everywhere, the counts stay, and nothing is sent to him any more."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from services.api.resources.subscriber.erase import Erasure, erase
from services.api.resources.subscriber.finish_erasure import finish_left
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.runtime.settings import Settings
from shared.suppression.address_hash import AddressHashes
from tests.everything_dumped import dump, found_in
from tests.everything_stored import places_of
from tests.integration.api.conftest import EMAIL_MESSAGE, NOW_DUE, SECRET, Client
from tests.integration.dispatcher.dispatching import dispatching, settled
from tests.integration.tracker.running_projectors import project_all
from tests.sinks.fake_gateway import FakeGateway
from tests.sinks.fake_relay import Action, FakeRelay, Say, Step

CANARY = {
    "email": "Canary.Bird@nest.example",
    "telephone": "+447700900777",
    "external_id": "tirilee",
    "vars": {"song": "canary yellow", "name": "Canary"},
    "source": "canary desk",
    "consent": {"at": 5, "ip": "192.0.2.77", "text": "canary says yes"},
}
WORDS = ("canary", "7700900777", "tirilee", "192.0.2.77")
TEXT = {
    "channel": "sms",
    "name": "T",
    "sender": "Acme",
    "body": "Hi {{ vars.song | default('') }} {{ unsubscribe_url }}",
}
HELD = """UPDATE batch SET owner = 1, epoch = epoch + 1, leased_until = clock_timestamp() + interval '1 minute'
           WHERE task_id = $1"""


def names_whom_it_refuses(step: Step) -> Action | None:
    """As many relays do."""
    refused = step.stage == "rcpt" and b"canary" in step.argument.lower()
    return Say(b"550 5.1.1 <Canary.Bird@nest.example> unknown here\r\n") if refused else None


async def prepare(client: Client, people: int = 3) -> int:
    """A list with Canary in the midst of others, and a message of each channel. Answers whom he is."""
    await client.post("/list", {"name": "Everybody"})
    await client.post("/list", {"name": "Second"})
    others = [{"email": f"p{number}@x.org", "telephone": f"+4477009001{number:02}"} for number in range(people)]
    await client.post("/list/1/subscriber", others[:1])
    made = await client.post("/list/1/subscriber", CANARY, headers={"Idempotency-Key": "one"})
    await client.post("/list/1/subscriber", others[1:])
    await client.post("/message", EMAIL_MESSAGE)
    await client.post("/message", TEXT)
    return int(made.json["id"])


async def post_task(client: Client, channel: str = "email", at: int = NOW_DUE) -> int:
    message = 1 if channel == "email" else 2
    task = {"channel": channel, "list_id": 1, "message_id": message, "name": "n", "scheduledtime": at}
    return int((await client.post("/task", task)).json["id"])


async def leave_traces(client: Client, database: Database, canary: int) -> None:
    """Wherever an address may come to lie."""
    key = {"Idempotency-Key": "two"}
    said = {"email": CANARY["email"], "source": "canary.bird@nest.example", "detail": "<Canary.Bird@nest.example>"}
    await client.post("/suppression", {**said, "reason": "complaint", "list_id": 2}, headers=key)
    await database.execute(
        """INSERT INTO idempotency (account_id, method, path, key, body_hash, status, headers, body)
           VALUES (1, 'POST', '/old', 'k', '', 201, '{}',
                   convert_to('{"id":7,"to":"CANARY.bird@nest.example"}', 'UTF8'))"""
    )
    v1 = {"list_id": 2, "subscriber_id": canary}
    await client.send("POST", "/v1/subscription", v1, headers=key)
    await client.send("DELETE", f"/list/2/subscriber/{canary}")
    await client.post("/message/1/test", {"to": ["p0@x.org", "boss@x.org"], "subscriber_id": canary})
    await client.post("/message/1/test", {"to": [CANARY["email"]], "vars": {"song": "canary"}})
    lines = "email,song\np0@x.org,1\nCANARY.bird@nest.example,2\n"
    for job in (
        {"job": "update", "emails": "p0@x.org,canary.bird@NEST.example", "report_email": CANARY["email"]},
        {"job": "update", "query": {"criteria": ["match"], "field": ["a"], "value": [CANARY["email"]]}},
        {"job": "update", "emails": ["p0@x.org"], "update": {"vars": {"friend": CANARY["telephone"]}}},
        {"job": "import", "list": "Everybody", "emails": lines.replace("\n", ",")},
    ):
        assert (await client.post("/job", job)).status == 200
    for owner in (canary, None):
        await database.execute(
            """INSERT INTO inbound_sms (account_id, subscriber_id, meaning, from_number, to_number, body, repeat_key,
                                        expires_at)
               VALUES (1, $1, 'text', '+447700900777', '60777', 'canary calls', '7700900777', now() + interval '1 day')
            """,
            owner,
        )


async def send_both(database: Database, folder: Path, mail: int, sms: int) -> None:
    async with (
        FakeRelay(names_whom_it_refuses) as relay,
        FakeGateway() as gateway,
        dispatching(database, relay.port, folder, secret=SECRET, sms_url=gateway.url),
    ):
        await settled(database, 4, mail)
        await settled(database, 4, sms)
    await project_all(database)


async def tellings(client: Client, *tasks: int) -> list[Any]:
    """The reports, and whatever the records say but the addresses."""
    told: list[Any] = [(await client.get(f"/task/{task}/report")).json for task in tasks]
    for task in tasks:
        told += [
            {name: value for name, value in record.items() if name not in ("email", "telephone")}
            for record in (await client.get(f"/task/{task}/contact")).json
        ]
    return told


async def test_nothing_of_him_is_left_anywhere_and_every_count_stays(
    client: Client, database: Database, database_url: str, tmp_path: Path
) -> None:
    """He was sent to by both channels, refused by name, complained, wrote, and had another address before. Neither a
    row nor a dump of the whole database has anything of it.
    """
    canary = await prepare(client)
    mail, sms = await post_task(client), await post_task(client, "sms")
    await send_both(database, tmp_path, mail, sms)
    await leave_traces(client, database, canary)
    await client.put(f"/subscriber/{canary}", {"email": "canary.two@nest.example"})
    sets = "SELECT task_id, kind, link, chunk, bits FROM ordinal_set ORDER BY 1, 2, 3, 4"
    stored = [tuple(row) for row in await database.fetch(sets)]
    before = await tellings(client, mail, sms)
    traces = await places_of(database, *WORDS)
    assert {place.split(".")[0].split("_0")[0] for place in traces} >= {
        *("subscriber", "subscription", "contact_record", "suppression", "notice", "inbound_sms", "idempotency"),
        *("job_input", "job_work"),
    }
    assert found_in(await asyncio.to_thread(dump, database_url), *WORDS) == set(WORDS)

    erased = await client.send("DELETE", f"/subscriber/{canary}")

    assert (erased.status, erased.json) == (200, {"id": canary})
    assert await places_of(database, *WORDS) == []
    assert found_in(await asyncio.to_thread(dump, database_url), *WORDS) == set()
    assert [tuple(row) for row in await database.fetch(sets)] == stored
    assert await tellings(client, mail, sms) == before
    records = (await client.get(f"/task/{mail}/contact")).json
    assert [(each["subscriber_id"], each["email"] is None) for each in records].count((canary, True)) == 1
    assert [each["email"] is None for each in records].count(True) == 1
    assert (await client.get(f"/subscriber/{canary}")).status == 404
    assert (await client.send("DELETE", f"/subscriber/{canary}")).status == 404
    again = await client.post("/list/1/subscriber", CANARY, headers={"Idempotency-Key": "one"})
    assert (again.status, again.json, again.headers["Location"]) == (
        201,
        {"id": canary},
        f"/list/1/subscriber/{canary}",
    )


async def freeze(database: Database, task: int) -> None:
    """As a planner does, and nothing is sent yet. Of several that are due it takes any."""
    handler = Handler(PostgresEventStore(database), clock.now)
    await start_due_tasks(database, handler)
    while not await database.fetch_value("SELECT recipients FROM task WHERE id = $1", task):
        assert await freeze_one_audience(database, handler, 1)


async def test_a_frozen_task_does_not_reach_him(client: Client, database: Database, tmp_path: Path) -> None:
    """Neither a task whose audience holds him, nor a proof that waits; the others get theirs."""
    canary = await prepare(client)
    task = await post_task(client)
    await client.post("/message/1/test", {"to": [CANARY["email"]]})
    await freeze(database, task)
    await client.send("DELETE", f"/subscriber/{canary}")

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, secret=SECRET):
        sets = await settled(database, 4, task)
    await project_all(database)

    assert sets[Kind.SUPPRESSED] == BitMap([1])
    assert len(sets[Kind.SUBMITTED]) == 3
    assert sorted(taken.recipients for taken in relay.ledger) == [(f"p{number}@x.org".encode(),) for number in range(3)]
    (gone,) = (await client.get(f"/task/{task}/contact?state=suppressed")).json
    assert (gone["subscriber_id"], gone["email"], gone["reason"]) == (canary, None, "erased")
    assert (await client.get("/notice/1")).json["reason"] == "erased"


async def test_an_erasure_waits_for_what_is_on_its_way(client: Client, database: Database) -> None:
    """A sender that has him in hand may still send: the answer comes when it is done with its batch."""
    canary = await prepare(client)
    task = await post_task(client)
    await freeze(database, task)
    await database.execute(HELD, task)
    erasing = asyncio.create_task(client.send("DELETE", f"/subscriber/{canary}"))
    async with asyncio.timeout(20):
        while await database.fetch_value("SELECT count(*) FROM contact_record WHERE address <> ''") == 4:
            await asyncio.sleep(0.01)
    looks = await asyncio.wait([erasing], timeout=0.5)
    assert not looks[0]
    assert await database.fetch_value("SELECT count(*) FROM erasure WHERE finished_at IS NULL") == 1
    await database.execute("UPDATE batch SET owner = NULL, leased_until = '-infinity'")

    assert (await erasing).status == 200
    assert await database.fetch_value("SELECT count(*) FROM erasure WHERE finished_at IS NULL") == 0


@pytest.mark.parametrize("by", ["asking again", "the sweep"])
async def test_an_erasure_that_broke_off_is_finished(
    client: Client, database: Database, settings: Settings, by: str
) -> None:
    canary = await prepare(client)
    await freeze(database, await post_task(client))
    wanted = Erasure(Actor(1, 1), AddressHashes(settings.secret), canary, "broken", Instant(clock.now()))
    assert await erase(database, wanted)
    assert await places_of(database, "canary.bird") != []

    if by == "asking again":
        assert (await client.send("DELETE", f"/subscriber/{canary}")).status == 200
    else:
        assert not await finish_left(database)  # somebody may be at it
        await database.execute("UPDATE erasure SET cdate = now() - interval '2 minutes'")
        assert await finish_left(database)

    assert await places_of(database, *WORDS) == []
    assert (await client.send("DELETE", f"/subscriber/{canary}")).status == 404


async def test_a_report_tells_of_whom_nothing_finds_any_more(client: Client, database: Database) -> None:
    """Counted when the task was posted, erased or without an address when its audience was frozen."""
    canary = await prepare(client, people=5)
    ids = [each["id"] for each in (await client.get("/list/1/subscriber")).json]
    task = await post_task(client)
    others = [each for each in ids if each != canary]
    await client.send("DELETE", f"/list/1/subscriber/{others[3]}")
    for gone in (canary, others[3]):
        assert (await client.send("DELETE", f"/subscriber/{gone}")).status == 200
    await client.put(f"/subscriber/{others[0]}", {"email": None})
    await client.put(f"/subscriber/{others[1]}", {"email": None})
    await client.put(f"/subscriber/{others[1]}", {"email": "back@x.org"})
    await client.post("/list/1/subscriber", {"email": "late@x.org"})
    await freeze(database, task)

    report = (await client.get(f"/task/{task}/report")).json

    assert (report["size"], report["audience"], report["joined"]) == (6, 4, 1)
    assert {reason: people for reason, people in report["excluded"].items() if people} == {"erased": 2, "no_address": 1}
    assert report["audience"] == report["size"] + report["joined"] - sum(report["excluded"].values())


async def test_who_said_no_cannot_be_brought_back_and_who_said_nothing_can(client: Client) -> None:
    """The hash of the address is left, with the reason; nobody is told the address by it."""
    canary = await prepare(client)
    await client.put(f"/subscriber/{canary}", {"optout": "all"})
    other = (await client.get("/subscriber?email=p0%40x.org")).json[0]["id"]
    for person in (canary, other):
        await client.send("DELETE", f"/subscriber/{person}")

    bulk = (await client.post("/list/1/subscriber", [CANARY, {"email": "p0@x.org"}])).json

    assert (bulk["skipped"], bulk["created"]) == (1, 1)
    assert bulk["ids"][1] not in (None, other)
    kept = (await client.get("/suppression?email=canary.bird%40nest.example")).json
    assert [(each["reason"], each["email"], each["subscriber_id"]) for each in kept] == [("opted_out", None, None)]


async def test_a_wish_from_before_there_were_suppressions_is_kept(client: Client, database: Database) -> None:
    canary = await prepare(client)
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = $1", canary)
    await client.send("DELETE", f"/subscriber/{canary}")

    assert (await client.post("/list/1/subscriber", [CANARY])).json["skipped"] == 1
    assert (await client.post("/list/2/subscriber", [CANARY])).json["created"] == 1


async def test_the_event_tells_who_did_it_and_the_number_alone(client: Client, database: Database) -> None:
    canary = await prepare(client)
    await client.send("DELETE", f"/subscriber/{canary}")
    assert client.created is not None

    row = await database.fetch_row("SELECT data, user_id FROM event WHERE type = 'list.subscribers_erased'")
    assert row is not None
    assert (row["data"]["subscribers"], row["user_id"]) == ([canary], client.created["user_id"])
