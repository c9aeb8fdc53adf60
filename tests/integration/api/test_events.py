"""`GET /events` tells all that was published of an account, in one order, from the beginning or from any place."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat

from services.api.published.schemas import documents
from services.api.resources.event import read
from services.api.resources.event.place import Place, read_place, write_place
from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.domain.delivery import Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, Ready
from tests.integration.published_rig import add_sent_task, happened, segment
from tests.integration.relay_rig import append_tasks
from tests.integration.settled_commits import wait_for_settled_commits

TASK = 900  # beyond the ids that the API gives in these tests


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


async def read_all(client: Client, query: str = "count=1000") -> list[Any]:
    """Page by page along the links."""
    found, target = [], f"/events?{query}"
    while True:
        reply = await client.get(target)
        assert reply.status == 200, reply.data
        found += reply.json
        if "Link" not in reply.headers:
            return found
        target = reply.headers["Link"].split(">")[0].removeprefix("<")


def account_of(client: Client) -> int:
    assert client.created is not None
    return client.created["account_id"]


async def test_what_the_bus_told_can_be_read_again(
    client: Client, ready: Ready, database: Database, bus: InProcess
) -> None:
    """The same events with the same ids, whole CloudEvents in their JSON format, and each fits its schema."""
    told: dict[str, EventEnvelope] = {}

    async def hear(envelope: EventEnvelope) -> None:
        told[envelope.id] = envelope

    bus.listen_events("#", hear)
    task = (await client.post("/task", ready.task())).json["id"]
    await client.put(f"/task/{task}", {"name": "Other"})
    await add_sent_task(database, TASK, account_of(client), recipients=1_200)
    await happened(database, segment(TASK, Kind.SUBMITTED, range(1_200)))
    await wait_for_settled_commits(database)
    async with asyncio.timeout(30):
        while len(told) < 4:
            await asyncio.sleep(0.01)

    events = await read_all(client)

    names = ["task.created", "task.changed", "delivery.submitted", "delivery.submitted"]
    assert [event["type"] for event in events] == [f"postroom.{name}" for name in names]
    assert {event["id"]: event["data"] for event in events} == {id_: json.loads(e.data) for id_, e in told.items()}
    for event in events:
        read_by_sdk = JSONFormat().read(None, json.dumps(event))
        assert read_by_sdk.get_attributes()["accountid"] == str(account_of(client))
        schema = documents()[event["type"].removeprefix("postroom.")]
        jsonschema.Draft202012Validator(schema).validate(event["data"])


async def fill(client: Client, ready: Ready, database: Database, clients: Clients) -> list[Any]:
    """Both logs by turns, of two accounts; answers all of the first account's."""
    other = await clients.make("other")
    await add_sent_task(database, TASK, account_of(client), recipients=2_600)
    await add_sent_task(database, TASK + 1, account_of(client), recipients=10)
    await add_sent_task(database, TASK + 2, account_of(other), recipients=10)
    for number in range(6):
        await client.post("/task", ready.task(name=f"News {number}"))
        await other.post("/list", {"name": f"L{number}"})
        kind = [Kind.SUBMITTED, Kind.OPENED, Kind.DEFERRED][number % 3]
        await happened(
            database,
            *(segment(TASK + place, kind, range(2_600 if (place, number) == (0, 0) else 5)) for place in range(3)),
        )
    await wait_for_settled_commits(database)
    return await read_all(client)


@pytest.mark.parametrize("looked_at", [2, 200], ids=["little is looked at", "much is looked at"])
async def test_every_page_size_gives_the_same_events_in_the_same_order(
    client: Client,
    ready: Ready,
    database: Database,
    clients: Clients,
    looked_at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where a page ends inside a segment, or where other accounts fill what is looked at; none is told twice."""
    everything = await fill(client, ready, database, clients)
    monkeypatch.setattr(read, "LOOKED_AT", looked_at)
    monkeypatch.setattr(read, "LOOKED_AT_OF_SHARD", looked_at)

    assert [event["type"] for event in everything].count("postroom.task.created") == 6
    deliveries = [event["data"] for event in everything if ".delivery." in event["type"]]
    assert {data["task_id"] for data in deliveries} == {TASK, TASK + 1}
    assert [len(data["recipients"]) for data in deliveries] == [1000, 1000, 600, *[5] * 7]
    for count in (1, 2, 7):
        assert await read_all(client, f"count={count}") == everything
    for place, event in enumerate(everything):
        assert await read_all(client, f"count=3&after={event['cursor']}") == everything[place + 1 :]
    openings = [event for event in everything if event["type"] == "postroom.delivery.opened"]
    assert await read_all(client, "count=2&type=delivery.opened") == openings
    assert await read_all(client, "type=task.*") == [e for e in everything if ".task." in e["type"]]


async def test_a_segment_larger_than_a_page_holds_up_nobody(
    client: Client, ready: Ready, database: Database, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the cursor stands: the segment that it names is looked at again, and then passed."""
    everything = await fill(client, ready, database, clients)
    monkeypatch.setattr(read, "MOST_BYTES", 10)

    async with asyncio.timeout(60):
        assert await read_all(client) == everything
        for place, event in enumerate(everything):
            assert await read_all(client, f"after={event['cursor']}") == everything[place + 1 :]


async def test_whoever_begins_at_the_end_hears_only_what_comes(
    client: Client, ready: Ready, database: Database
) -> None:
    await client.post("/task", ready.task(name="Before"))
    await wait_for_settled_commits(database)

    at_end = await client.get("/events?after=end")
    await client.post("/task", ready.task(name="After"))
    await wait_for_settled_commits(database)

    assert (at_end.status, at_end.json, "Link" in at_end.headers) == (200, [], False)
    later = await read_all(client, f"after={at_end.headers['X-Cursor']}")
    assert [event["data"]["name"] for event in later] == ["After"]


async def test_a_cursor_at_the_end_goes_on_with_what_comes(client: Client, ready: Ready, database: Database) -> None:
    """Whether the last page held something or nothing."""
    await client.post("/task", ready.task())
    await wait_for_settled_commits(database)
    async with asyncio.timeout(30):
        while not (first := await client.get("/events")).json:
            await asyncio.sleep(0.01)
    empty = await client.get(f"/events?after={first.headers['X-Cursor']}")
    assert (empty.json, "Link" in empty.headers) == ([], False)

    made = (await client.post("/task", ready.task())).json["id"]

    async with asyncio.timeout(30):
        while not (later := await client.get(f"/events?after={empty.headers['X-Cursor']}")).json:
            await asyncio.sleep(0.01)
    assert [event["data"]["task_id"] for event in later.json] == [made]


async def test_nothing_is_skipped_that_commits_late(
    client: Client, database: Database, store: PostgresEventStore
) -> None:
    """While a transaction is open that wrote first, what was written after it waits; then both come, in one order."""
    account = account_of(client)
    await add_sent_task(database, TASK, account, recipients=10)
    async with database.transaction() as late:
        await late.execute(
            "INSERT INTO event (stream, version, type, data, account_id) "
            """VALUES ('task-5', 1, 'task.cancelled', '{"at": 1}', $1)""",
            account,
        )
        await happened(database, segment(TASK, Kind.OPENED, [1]))
        before = await client.get("/events")
    cursor = before.headers["X-Cursor"]
    await wait_for_settled_commits(database)
    async with asyncio.timeout(30):
        while len(after := (await client.get(f"/events?after={cursor}")).json) < 2:
            await asyncio.sleep(0.01)

    assert before.json == []
    assert [event["type"] for event in after] == ["postroom.task.cancelled", "postroom.delivery.opened"]


async def test_readers_at_work_beside_writers_miss_nothing(
    client: Client, database: Database, store: PostgresEventStore
) -> None:
    """One follows while many write to both logs: at the end it has each once, in the order of one who begins then."""
    account = account_of(client)
    await add_sent_task(database, TASK, account, recipients=10)
    await append_tasks(store, 1, 1)  # another account's
    seen: list[str] = []

    async def follow(until: int) -> None:
        target = "/events?count=7"
        while len(seen) < until:
            reply = await client.get(target)
            seen.extend(event["id"] for event in reply.json)
            target = f"/events?count=7&after={reply.headers['X-Cursor']}"

    async def write(number: int) -> None:
        await happened(database, segment(TASK, Kind.CLICKED, [number % 10]))
        async with database.transaction() as connection:
            await connection.execute(
                "INSERT INTO event (stream, version, type, data, account_id) "
                """VALUES ('task-' || $1::bigint, 1, 'task.cancelled', '{"at": 1}', $2)""",
                10_000 + number,
                account,
            )

    async with asyncio.timeout(60):
        await asyncio.gather(follow(160), *(write(number) for number in range(80)))

    assert len(set(seen)) == 160
    assert seen == [event["id"] for event in await read_all(client)]


async def test_a_cursor_before_what_is_kept_is_gone(client: Client, ready: Ready, owner: Database) -> None:
    """410; without a cursor it begins with what is kept."""
    await client.post("/task", ready.task())
    await wait_for_settled_commits(owner)
    cursor = write_place(Place(0, 1))
    assert (await client.get(f"/events?after={cursor}")).status == 200
    await owner.execute(
        "UPDATE events_kept SET store_epoch = store_epoch(), xid = pg_snapshot_xmax(pg_current_snapshot())"
    )

    gone = await client.get(f"/events?after={cursor}")

    assert (gone.status, gone.faults) == (410, {"after"})
    assert (await client.get("/events")).json == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param("after=x", "after", id="no cursor"),
        pytest.param("after=WzFd", "after", id="another listing's"),
        pytest.param("after=", "after", id="empty"),
        pytest.param("count=0", "count", id="count"),
        pytest.param("type=TASK", "type", id="type"),
        pytest.param("start=x", "start", id="unknown"),
    ],
)
async def test_what_cannot_be_read_is_refused(client: Client, query: str, field: str) -> None:
    reply = await client.get(f"/events?{query}")

    assert (reply.status, reply.faults) == (400, {field})


async def test_a_member_may_not_read_them(clients: Clients) -> None:
    """They tell of everybody's tasks: for readers, admins and operators."""
    statuses = {
        role: (await (await clients.make(user=role, role=role)).get("/events")).status
        for role in ("operator", "admin", "member", "reader")
    }

    assert statuses == {"operator": 200, "admin": 200, "member": 403, "reader": 200}


async def test_the_description_of_the_bus_is_served(clients: Clients) -> None:
    """To everybody, as it stands in docs/."""
    reply = await clients.without_key().get("/asyncapi.yaml")

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/yaml")
    assert reply.data.decode().startswith('asyncapi: "3.0.0"\n')


@pytest.mark.parametrize("place", [Place(), Place(1, 2, 1, 3, 4), Place(2**31 - 1, 2**63 - 1, 1, 2**63 - 1, 2**63 - 1)])
def test_a_cursor_is_its_place(place: Place) -> None:
    assert read_place(write_place(place)) == place
