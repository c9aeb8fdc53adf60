"""A POST that is repeated under one key makes one thing."""

import asyncio
from typing import Any

import pytest

from services.api.app import start_api
from shared.bus.in_process import InProcess
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, DatabaseError
from shared.runtime.settings import Settings
from tests.integration.api.conftest import EMAIL_MESSAGE, Client, Clients, Ready, count_events

KEY = {"Idempotency-Key": "order-1"}


async def test_a_repeat_has_the_first_answer_again(client: Client, ready: Ready, database: Database) -> None:
    first = await client.post("/task", ready.task(), headers=KEY)
    events = await count_events(database)
    second = await client.post("/task", ready.task(), headers=KEY)

    assert (second.status, second.data) == (first.status, first.data)
    assert second.headers["Location"] == first.headers["Location"]
    assert await count_events(database) == events


async def test_every_post_can_be_repeated(client: Client, ready: Ready, database: Database) -> None:
    posts: list[tuple[str, Any]] = [
        ("/list", {"name": "Once"}),
        ("/message", EMAIL_MESSAGE),
        (f"/list/{ready.list_id}/subscriber", {"email": "once@x.org"}),
        (f"/list/{ready.list_id}/subscriber", [{"email": "twice@x.org"}, {"email": "odd"}]),
    ]
    for number, (path, body) in enumerate(posts):
        key = {"Idempotency-Key": f"key-{number}"}
        first = await client.post(path, body, headers=key)
        events = await count_events(database)
        second = await client.post(path, body, headers=key)

        assert first.status in (200, 201)
        assert (second.status, second.json) == (first.status, first.json)
        assert await count_events(database) == events


async def test_another_body_under_the_key_is_a_conflict(client: Client, ready: Ready, database: Database) -> None:
    await client.post("/task", ready.task(), headers=KEY)
    events = await count_events(database)

    assert (await client.post("/task", ready.task(name="Other"), headers=KEY)).status == 409
    assert await count_events(database) == events


async def test_a_key_belongs_to_its_account_and_path(client: Client, clients: Clients, ready: Ready) -> None:
    other = await clients.make(account="other", user="otto")

    assert (await client.post("/list", {"name": "A"}, headers=KEY)).status == 201
    assert (await other.post("/list", {"name": "B"}, headers=KEY)).status == 201
    assert (await client.post("/task", ready.task(), headers=KEY)).status == 201


async def test_a_refusal_is_not_remembered(client: Client, ready: Ready) -> None:
    assert (await client.post("/task", ready.task(message_id=99), headers=KEY)).status == 400
    assert (await client.post("/task", ready.task(), headers=KEY)).status == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä"])
async def test_an_odd_key_is_refused(client: Client, database: Database, key: str) -> None:
    events = await count_events(database)
    reply = await client.post("/list", {"name": "A"}, headers={"Idempotency-Key": key})

    assert (reply.status, reply.faults) == (400, {"Idempotency-Key"})
    assert await count_events(database) == events


async def test_a_thousand_parallel_repeats_to_two_processes_make_one_task(
    client: Client, ready: Ready, settings: Settings, database: Database, bus: InProcess
) -> None:
    """Two APIs with stores and connections of their own, so that repeats race in the database as well."""
    second_database = await Database.connect(settings.database_url)
    second = await start_api(settings, second_database, PostgresEventStore(second_database), bus)
    try:
        other = Client(second.url, client.session, client.key)
        replies = await asyncio.gather(
            *((client, other)[number % 2].post("/task", ready.task(), headers=KEY) for number in range(1000))
        )
    finally:
        await second.stop()
        await second_database.close()

    assert {reply.status for reply in replies} == {201}
    assert len({reply.data for reply in replies}) == 1
    assert await database.fetch_value("SELECT count(*) FROM event WHERE type = 'task.created'") == 1
    assert (await client.get("/task")).headers["X-Total-Count"] == "1"


async def test_the_first_answer_is_kept_for_good(
    client: Client, ready: Ready, settings: Settings, store: PostgresEventStore, database: Database, bus: InProcess
) -> None:
    """Whatever became of the task, whoever answers, and no service can take it away."""
    first = await client.post("/task", ready.task(), headers=KEY)
    await client.put(first.headers["Location"], {"name": "Renamed", "cancelled": True})
    another = await start_api(settings, database, store, bus)
    try:
        again = await Client(another.url, client.session, client.key).post("/task", ready.task(), headers=KEY)
    finally:
        await another.stop()

    assert (again.status, again.data) == (201, first.data)
    for statement in ("DELETE FROM idempotency", "UPDATE idempotency SET status = 200", "TRUNCATE idempotency"):
        with pytest.raises(DatabaseError, match="42501"):
            await database.execute(statement)


async def test_of_two_bodies_at_once_under_one_key_one_wins(client: Client, ready: Ready, database: Database) -> None:
    """All with the body that was first have its answer, the others are told of the conflict."""
    bodies = [ready.task(name=f"n{number % 2}") for number in range(40)]
    replies = await asyncio.gather(*(client.post("/task", body, headers=KEY) for body in bodies))
    won = [(reply.status, body["name"]) for reply, body in zip(replies, bodies, strict=True) if reply.status == 201]

    assert len(set(won)) == 1
    assert (len(won), [reply.status for reply in replies].count(409)) == (20, 20)
    assert await database.fetch_value("SELECT count(*) FROM task") == 1
