"""Who starts again alone goes on at once, whatever leases it had when it was killed."""

from collections.abc import AsyncIterator

import pytest

from services.standalone.reading_leases import end_reading_leases
from services.tracker.projector.leases import ShardLeases
from shared.event_store.checkpoint import LeasedCheckpoint, LeaseLost
from shared.event_store.interface import TailPosition
from shared.postgres.database import Database

KILLED, STARTED = 1, 2
LONG = 3_600.0  # seconds
THERE = TailPosition(1, 800, 12)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


async def test_a_tail_goes_on_where_it_stood(database: Database) -> None:
    """And whoever had it, should it live after all, is fenced."""
    killed = LeasedCheckpoint(database, "tail", KILLED, LONG)
    await killed.hold()
    await killed.advance(THERE)
    assert await LeasedCheckpoint(database, "tail", STARTED, LONG).hold() is None

    await end_reading_leases(database)

    assert await LeasedCheckpoint(database, "tail", STARTED, LONG).hold() == THERE
    with pytest.raises(LeaseLost):
        await killed.advance(TailPosition(1, 900, 13))


async def test_every_shard_is_projected_on(database: Database) -> None:
    killed, started = (ShardLeases(database, owner) for owner in (KILLED, STARTED))
    await killed.renew()
    everything = len(killed.held)
    await started.renew()
    assert len(started.held) < everything

    await end_reading_leases(database)
    await started.renew()

    assert len(started.held) == everything


async def test_nobody_s_share_of_a_limit_is_kept_for_the_dead(database: Database) -> None:
    await database.execute("INSERT INTO limit_share VALUES ('email', 1, 10, NULL, now() + interval '1 hour')")

    await end_reading_leases(database)

    assert await database.fetch_value("SELECT count(*) FROM limit_share") == 0
