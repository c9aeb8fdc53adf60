"""What KEDA asks Postgres by the chart: each query counts what it says, with no more rights than it needs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, DatabaseError
from shared.runtime import clock
from tests.integration.dispatcher.test_claims import claim, expire_leases, ready_task
from tests.integration.jobs.conftest import running_world
from tests.servers.helm import scaling_queries


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """With the rights of who migrates: may put anything as it is to be counted."""
    database = await Database.connect(database_url, role=None, connections=2)
    yield database
    await database.close()


@pytest.fixture
async def scaler(database_url: str, owner: Database) -> AsyncIterator[Database]:
    database = await Database.connect(database_url, role="postroom_scaler", connections=1)
    yield database
    await database.close()


async def counted(scaler: Database, role: str) -> int:
    found = await scaler.fetch_value(scaling_queries()[role])
    assert isinstance(found, int)
    return found


@pytest.fixture
async def ready(owner: Database) -> Database:
    """One task without a rate whose batches are due, and one with a rate."""
    handler = Handler(PostgresEventStore(owner), clock.now)
    await ready_task(owner, handler, 1_000)
    await ready_task(owner, handler, 500, number=2, rate=3_600)
    return owner


async def due(database: Database, task_id: int) -> int:
    found: int = await database.fetch_value("SELECT count(*) FROM batch WHERE task_id = $1 AND NOT done", task_id)
    return found


async def test_due_batches_are_counted_until_somebody_has_claimed_them(ready: Database, scaler: Database) -> None:
    """All of a task without a rate, and again when who had them is gone; one of a task with a rate, when it may go."""
    batches = await due(ready, 1)
    assert batches > 1
    assert await counted(scaler, "senders") == batches + 1

    assert len(await claim(ready, owner=1, limit=1)) == 1
    assert await counted(scaler, "senders") == batches
    await claim(ready, owner=1)
    assert await counted(scaler, "senders") == 1
    await claim(ready, owner=1, statement="claim_paced")
    assert await counted(scaler, "senders") == 0
    await expire_leases(ready)
    assert await counted(scaler, "senders") == batches, "the pace of the other lets nothing go yet"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE batch SET due_at = clock_timestamp() + interval '1 hour'",
        "UPDATE batch SET done = true",
        "UPDATE sending SET paused = true",
        "UPDATE sending SET blocked_reason = 'relay'",
        "UPDATE sending SET opens_at = clock_timestamp() + interval '1 hour'",
    ],
    ids=["not due yet", "done", "paused", "nothing gets through", "the window is shut"],
)
async def test_what_more_dispatchers_would_not_send_sooner_is_not_counted(
    ready: Database, scaler: Database, change: str
) -> None:
    assert await counted(scaler, "senders") > 0
    await ready.execute(change)

    assert await counted(scaler, "senders") == 0


@pytest.mark.parametrize(
    "call",
    [
        "merge_segments(0::smallint, 1, 0, 1, ARRAY[0, 1], NULL, '', '')",
        "look_at_store(NULL, NULL, 1, 1)",
        "confirm_store()",
        "ensure_task_partitions(0)",
    ],
)
async def test_who_counts_may_not_have_the_owner_do_anything(scaler: Database, call: str) -> None:
    """A function that acts by the owner's rights is there for services: by default anybody may call it."""
    with pytest.raises(DatabaseError, match="permission denied for function"):
        await scaler.fetch_value(f"SELECT {call}::text")


async def test_a_backlog_of_any_size_is_counted_in_bounded_time(ready: Database, scaler: Database) -> None:
    await ready.execute(
        "INSERT INTO batch (shard, task_id, number, ordinals, size, attempt, due_at)"
        " SELECT shard, task_id, more, ordinals, size, attempt, due_at"
        "   FROM batch, generate_series(1001, 13000) AS more WHERE task_id = 1 AND number = 0"
    )

    assert await counted(scaler, "senders") == 10_000


@pytest.mark.parametrize(
    "statement", ["SELECT count(*) FROM contact_record", "SELECT params FROM job_work", "DELETE FROM batch"]
)
async def test_who_counts_sees_nobody_and_changes_nothing(scaler: Database, statement: str) -> None:
    with pytest.raises(DatabaseError, match="42501"):
        await scaler.execute(statement)


async def test_jobs_are_counted_until_they_have_ended(
    database_url: str, owner: Database, scaler: Database, tmp_path: Path
) -> None:
    """Those that wait and those that somebody is at; not those that rest after a failure, nor those of the past."""
    database = await Database.connect(database_url)
    async with running_world(database, tmp_path, dispatcher_roles="send") as world:
        caller = await world.caller()
        for number in range(3):
            assert (await caller.post(job="import", list="Main", emails=f"{number}@example.com")).status == 200
    await database.close()

    assert await counted(scaler, "jobs") == 3
    await owner.execute(
        "UPDATE job_work SET owner = 1, leased_until = clock_timestamp() + interval '1 minute' WHERE id = 1"
    )
    assert await counted(scaler, "jobs") == 3
    await owner.execute("UPDATE job_work SET due_at = clock_timestamp() + interval '1 minute' WHERE id = 2")
    await owner.execute("UPDATE job_work SET ended = true WHERE id = 3")
    assert await counted(scaler, "jobs") == 1
