"""A tail is read by one process at a time, and where it got to is never lost to one that should have stopped."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.domain.identifiers import Instant
from shared.domain.task import TaskCompleted
from shared.event_store.checkpoint import LeasedCheckpoint, LeaseLost
from shared.event_store.interface import Actor, Append, StreamAppend, TailPosition
from shared.event_store.on_postgres import PostgresEventStore, append_in
from shared.postgres.database import Database
from tests.contract.event_store_contract import tail

SHORT, LONG = 1.5, 60.0  # seconds
NOON = Instant(43_200.0)
THERE = TailPosition(1, 800, 12)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


async def until_held(checkpoint: LeasedCheckpoint) -> TailPosition:
    async with asyncio.timeout(15):
        while (at := await checkpoint.hold()) is None:
            await asyncio.sleep(0.02)
    return at


async def take_away(database: Database) -> None:
    """As another one would, had the lease run out."""
    await database.execute("UPDATE checkpoint SET epoch = epoch + 1, owner = 99, leased_until = now() + interval '1 h'")


async def stored(database: Database) -> TailPosition:
    row = await database.fetch_row("SELECT store_epoch, xid::text::bigint AS xid, position FROM checkpoint")
    assert row is not None
    return TailPosition(row["store_epoch"], row["xid"], row["position"])


async def test_a_new_tail_begins_before_everything(database: Database) -> None:
    assert await LeasedCheckpoint(database, "tail", owner=1).hold() == TailPosition()


async def test_while_one_holds_it_another_does_not(database: Database) -> None:
    first, second = (LeasedCheckpoint(database, "tail", owner, LONG) for owner in (1, 2))

    assert await first.hold() is not None
    assert await second.hold() is None
    assert await LeasedCheckpoint(database, "other tail", 2, LONG).hold() is not None


async def test_a_released_one_is_taken_over_at_once_and_where_it_stood(database: Database) -> None:
    first, second = (LeasedCheckpoint(database, "tail", owner, LONG) for owner in (1, 2))
    await first.hold()
    await first.advance(THERE)

    await first.release()

    assert await second.hold() == THERE


async def test_one_whose_holder_fell_silent_is_taken_over_when_its_time_is_up(database: Database) -> None:
    first, second = (LeasedCheckpoint(database, "tail", owner, SHORT) for owner in (1, 2))
    await first.hold()
    await first.advance(THERE)

    assert await until_held(second) == THERE
    with pytest.raises(LeaseLost):
        await first.advance(TailPosition(1, 900, 13))
    assert await stored(database) == THERE


async def test_a_holder_that_asks_often_enough_keeps_it(database: Database) -> None:
    first, second = (LeasedCheckpoint(database, "tail", owner, SHORT) for owner in (1, 2))
    await first.hold()

    for _ in range(20):
        await asyncio.sleep(first.renew_seconds / 2)
        assert await first.hold() is not None
        assert await second.hold() is None


async def test_one_that_nobody_took_stays_its_holders_however_late(database: Database) -> None:
    checkpoint = LeasedCheckpoint(database, "tail", 1, seconds=0.01)
    await checkpoint.hold()
    await checkpoint.advance(THERE)
    async with asyncio.timeout(10):
        while not await database.fetch_value("SELECT leased_until < now() FROM checkpoint"):
            await asyncio.sleep(0.01)

    assert await checkpoint.hold() == THERE
    await checkpoint.advance(TailPosition(1, 900, 13))


async def test_work_longer_than_the_lease_is_done_under_renewals(database: Database) -> None:
    first, second = (LeasedCheckpoint(database, "tail", owner, SHORT) for owner in (1, 2))
    await first.hold()

    async with first.kept():
        for _ in range(30):
            await asyncio.sleep(2 * SHORT / 30)
            assert await second.hold() is None
    await first.advance(THERE)

    assert await stored(database) == THERE


async def work_for_ever(checkpoint: LeasedCheckpoint) -> None:
    async with checkpoint.kept():
        await asyncio.Event().wait()


async def test_work_is_cancelled_when_the_lease_was_taken_away(database: Database) -> None:
    checkpoint = LeasedCheckpoint(database, "tail", 1, SHORT)
    await checkpoint.hold()
    working = asyncio.create_task(work_for_ever(checkpoint))
    await asyncio.sleep(0)

    await take_away(database)

    with pytest.raises(LeaseLost):
        await working
    assert await checkpoint.hold() is None


async def test_work_is_cancelled_before_the_lease_runs_out_when_it_cannot_be_renewed(database: Database) -> None:
    """The database says nothing: here since somebody else has the row."""
    checkpoint = LeasedCheckpoint(database, "tail", 1, seconds=4.0)
    await checkpoint.hold()

    async with database.transaction() as somebody:
        await somebody.execute("SELECT FROM checkpoint FOR UPDATE")
        with pytest.raises(LeaseLost):
            await work_for_ever(checkpoint)
        assert await somebody.fetch_value("SELECT clock_timestamp() < leased_until FROM checkpoint")


async def test_an_error_of_the_work_is_its_own(database: Database) -> None:
    checkpoint = LeasedCheckpoint(database, "tail", 1)
    await checkpoint.hold()

    with pytest.raises(TimeoutError, match="mine"):
        async with checkpoint.kept():
            raise TimeoutError("mine")

    await checkpoint.advance(THERE)


async def test_nothing_is_done_or_written_by_one_that_does_not_hold_it(database: Database) -> None:
    checkpoint = LeasedCheckpoint(database, "tail", 1)

    with pytest.raises(LeaseLost):
        await checkpoint.advance(THERE)
    with pytest.raises(LeaseLost):
        async with checkpoint.kept():
            pytest.fail("it was done")


async def test_the_lag_is_how_long_the_next_event_has_been_waiting(database: Database) -> None:
    store = PostgresEventStore(database)
    checkpoint = LeasedCheckpoint(database, "tail", 1)
    await checkpoint.hold()
    assert await checkpoint.lag() == 0

    await store.append(Append((StreamAppend("task-1", 0, [TaskCompleted(NOON)] * 2, Actor(1)),)))
    first, second = await tail(store, 2)
    waiting = await checkpoint.lag()
    await checkpoint.advance(first.at)
    assert waiting > 0
    assert await checkpoint.lag() > 0

    await checkpoint.advance(second.at)
    assert await checkpoint.lag() == 0


async def test_an_event_that_an_open_transaction_holds_back_counts_as_waiting(database: Database) -> None:
    checkpoint = LeasedCheckpoint(database, "tail", 1)
    await checkpoint.hold()

    async with database.transaction() as open_one:
        await append_in(open_one, [Append((StreamAppend("task-1", 0, [TaskCompleted(NOON)], Actor(1)),))])
        await PostgresEventStore(database).append(Append((StreamAppend("task-2", 0, [TaskCompleted(NOON)], Actor(1)),)))
        assert await checkpoint.lag() > 0
