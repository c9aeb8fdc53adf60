"""Due tasks start once, and their audience is frozen in the database, dense and whole."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pyroaring import BitMap

from services.dispatcher.planner import freeze_audience
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Append
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task

OWNER, OTHER = 11, 12


class StalledBeforeAppend(PostgresEventStore):
    """The store of a process that stood still just before it appended."""

    def __init__(self, database: Database, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(database)
        self._meanwhile = meanwhile

    async def append(self, append: Append) -> None:
        await self._meanwhile()
        await super().append(append)


async def frozen_ordinals(database: Database, task_id: int) -> list[int]:
    rows = await database.fetch("SELECT ordinal FROM contact_record WHERE task_id = $1 ORDER BY ordinal", task_id)
    return [row["ordinal"] for row in rows]


async def batched_ordinals(database: Database, task_id: int) -> list[int]:
    rows = await database.fetch("SELECT ordinals FROM batch WHERE task_id = $1", task_id)
    return sorted(ordinal for row in rows for ordinal in BitMap.deserialize(row["ordinals"]))


async def test_every_mailable_subscriber_gets_one_ordinal(database: Database, handler: Handler) -> None:
    """Unconfirmed, ended, opted out and without an address: not in the audience; the numbers have no gap."""
    await post_task(database, 100)
    await database.execute("UPDATE subscription SET confirmed = false WHERE subscriber_id = 10000003")
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 10000005")
    await database.execute("UPDATE subscriber SET optout = 'blast' WHERE id = 10000007")
    await database.execute("UPDATE subscriber SET email = NULL, telephone = '+491700000001' WHERE id = 10000009")

    await start_due_tasks(database, handler)
    await freeze_one_audience(database, handler, OWNER)

    assert await frozen_ordinals(database, 1) == list(range(96))
    assert await batched_ordinals(database, 1) == list(range(96))
    task = await database.fetch_row("SELECT started, recipients, size, excluded FROM task WHERE id = 1")
    assert task is not None
    assert (task["started"], task["recipients"], task["size"]) == (True, 96, 100)
    assert task["excluded"] == {"unsubscribed": 1, "opted_out": 1, "suppressed": 0}


async def test_many_planners_start_and_freeze_a_task_once(database: Database, handler: Handler) -> None:
    await post_task(database, 1_000)

    await asyncio.gather(*(start_due_tasks(database, handler) for _ in range(6)))
    frozen = await asyncio.gather(*(freeze_one_audience(database, handler, owner) for owner in range(6)))

    assert frozen.count(True) == 1
    assert await frozen_ordinals(database, 1) == list(range(1_000))
    assert await batched_ordinals(database, 1) == list(range(1_000))
    events = await database.fetch("SELECT type FROM event WHERE stream = 'task-1' ORDER BY version")
    assert [row["type"] for row in events] == ["task.created", "task.started", "task.audience_frozen"]


async def test_a_freeze_goes_on_where_a_dead_planner_left_it(
    database: Database, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor is in the row; when the lease has run out, somebody else claims it and numbers on."""
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 100)
    await post_task(database, 1_000)
    await start_due_tasks(database, handler)
    claimed = await database.fetch_row(STATEMENTS["claim_freezing"], OWNER, 15.0)
    assert claimed is not None
    assert await freeze_audience._freeze_chunk(database, claimed) == 100
    assert not await freeze_one_audience(database, handler, OTHER)
    await database.execute("UPDATE sending SET leased_until = '-infinity'")

    assert await freeze_one_audience(database, handler, OTHER)

    assert await frozen_ordinals(database, 1) == list(range(1_000))
    assert await freeze_audience._freeze_chunk(database, claimed) == 0, (
        "the one that stalled may write nothing any more"
    )
    assert await batched_ordinals(database, 1) == list(range(1_000))


async def test_who_was_overtaken_at_the_end_of_a_freeze_records_what_the_other_would(
    database: Database, handler: Handler
) -> None:
    """Stalled between the last chunk and the record of the audience: who joins meanwhile is in nobody's audience."""
    await post_task(database, 100)
    await start_due_tasks(database, handler)

    async def overtaken() -> None:
        await database.execute("UPDATE sending SET leased_until = '-infinity'")
        claimed = await database.fetch_row(STATEMENTS["claim_freezing"], OTHER, 15.0)
        assert claimed is not None
        await database.execute(
            "INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at)"
            " SELECT 1, subscriber_id, confirmed, signup_at FROM subscription WHERE list_id = 2"
        )
        assert await freeze_audience._freeze_chunk(database, claimed) == 0
        await database.execute("UPDATE sending SET leased_until = '-infinity'")

    await post_task(database, 5, number=2)
    await database.execute("UPDATE task SET scheduledtime = 'infinity' WHERE id = 2")
    await freeze_one_audience(database, Handler(StalledBeforeAppend(database, overtaken), clock.now), OWNER)
    await freeze_one_audience(database, handler, OTHER)

    assert await frozen_ordinals(database, 1) == await batched_ordinals(database, 1) == list(range(100))
    assert await database.fetch_value("SELECT recipients FROM task WHERE id = 1") == 100
    assert await database.fetch_value("SELECT frozen FROM sending"), "else the planners would look at it for ever"


async def test_a_task_cancelled_while_it_freezes_ends_with_who_was_written_down(
    database: Database, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 100)
    await post_task(database, 300)
    await start_due_tasks(database, handler)
    claimed = await database.fetch_row(STATEMENTS["claim_freezing"], OWNER, 15.0)
    assert claimed is not None
    await freeze_audience._freeze_chunk(database, claimed)
    await database.execute("UPDATE task SET cancelled = true WHERE id = 1")
    await database.execute("UPDATE sending SET leased_until = '-infinity'")

    await freeze_one_audience(database, handler, OTHER)

    assert await batched_ordinals(database, 1) == list(range(100))


async def test_nothing_starts_before_its_time_by_the_clock_of_the_database(
    database: Database, handler: Handler
) -> None:
    await post_task(database, 10)
    await database.execute("UPDATE task SET scheduledtime = clock_timestamp() + interval '1 hour'")

    assert await start_due_tasks(database, handler) == 0


async def test_an_empty_audience_is_frozen_too(database: Database, handler: Handler) -> None:
    await post_task(database, 0)
    await start_due_tasks(database, handler)

    assert await freeze_one_audience(database, handler, OWNER)

    assert await database.fetch_value("SELECT recipients FROM task WHERE id = 1") == 0
    assert await batched_ordinals(database, 1) == []
