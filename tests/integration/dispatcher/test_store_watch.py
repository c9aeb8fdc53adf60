"""A database with another history than it was left in is noticed, once; what it may have lost decides the rest."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from services.dispatcher.sending.seen_store import FILE, recall, remember
from services.dispatcher.sending.watch_store import StoreWatch
from shared.domain.identifiers import Instant
from shared.postgres.database import Database
from shared.postgres.store_standing import GRACE_SECONDS, Seen, confirm_store, look_at_store
from shared.runtime import clock


def watch_on(database: Database, folder: Path) -> StoreWatch:
    return StoreWatch(database, folder, 5, clock.now, {})


async def is_open(database: Database) -> bool:
    return bool(await database.fetch_value("SELECT store_is_open()"))


async def test_a_store_that_is_as_it_was_left_stays_open(database: Database, owner: Database, tmp_path: Path) -> None:
    """What a dispatcher remembers of it follows."""
    await watch_on(database, tmp_path).begin()
    before = recall(tmp_path)
    await owner.execute("UPDATE store SET alive_at = now() - interval '6 seconds'")
    standing = await look_at_store(database)
    (tmp_path / FILE).write_bytes(b"[1, 2")

    assert before is not None
    assert (standing.seen.store_epoch, standing.held_why, await is_open(database)) == (1, None, True)
    assert standing.seen.alive_at >= before.alive_at
    assert recall(tmp_path) is None


async def test_a_new_timeline_raises_the_epoch_once(database: Database, owner: Database) -> None:
    """Already what is appended before anybody looks sorts behind; then nothing is claimed for the length of a lease."""
    await owner.execute("UPDATE store SET timeline = timeline + 1")
    unnoticed = await database.fetch_row("SELECT store_epoch() AS epoch, store_is_open() AS open")
    standings = await asyncio.gather(*(look_at_store(database) for _ in range(5)))
    waits = await database.fetch_value("SELECT extract(epoch FROM opens_at - clock_timestamp())::float8 FROM store")

    assert unnoticed is not None
    assert tuple(unnoticed) == (2, False)
    assert {(each.seen.store_epoch, each.held_why) for each in standings} == {(2, None)}
    assert GRACE_SECONDS - 10 < waits <= GRACE_SECONDS
    assert not await is_open(database)
    await owner.execute("UPDATE store SET opens_at = now()")
    assert await is_open(database)


HELD = {
    "UPDATE store SET system_identifier = 5": "the database is on another server than before",
    "UPDATE store SET timeline = timeline + 1, alive_at = '2026-01-02 03:04:05Z'": (
        "the database was brought back to 2026-01-02 03:04:05 UTC"
    ),
}


@pytest.mark.parametrize("change", HELD, ids=["another server", "played back"])
async def test_what_was_brought_back_is_held_until_somebody_confirms(
    database: Database, owner: Database, change: str
) -> None:
    """Also when the seconds after a failover are over; confirming it twice is telling it once."""
    await owner.execute(change)
    standing = await look_at_store(database)
    await owner.execute("UPDATE store SET opens_at = now()")
    held = await is_open(database)
    confirmed = [await confirm_store(database), await confirm_store(database)]

    assert (standing.seen.store_epoch, standing.held_why, held) == (2, HELD[change], False)
    assert confirmed == [True, False]
    assert await is_open(database)


@pytest.mark.parametrize(("epoch", "later"), [(1, 3600.0), (4, -3600.0)], ids=["an earlier moment", "an earlier epoch"])
async def test_a_copy_of_an_earlier_moment_is_known_by_who_remembers(
    database: Database, tmp_path: Path, epoch: int, later: float
) -> None:
    """It has the server and the timeline that it had: only what a dispatcher remembers tells. A later look changes
    nothing more; what another server's store was is forgotten.
    """
    now = (await look_at_store(database)).seen
    other = tmp_path / "other"
    other.mkdir()
    remember(other, Seen(9, Instant(now.alive_at + 1e6), now.server + 1))
    await watch_on(database, other).begin()
    assert await is_open(database)
    remember(tmp_path, replace(now, store_epoch=epoch, alive_at=Instant(now.alive_at + later)))
    watch = watch_on(database, tmp_path)
    await watch.begin()
    await watch.look()
    standing = await look_at_store(database, recall(tmp_path))

    assert standing.seen.store_epoch == epoch + 1
    assert (standing.held_why or "").startswith("the database has gone back to ")
    assert not await is_open(database)
