"""When small segments become large ones, and what stands in the way: a reader who is behind, a rebuild, their age."""

import asyncio
from random import Random

import orjson
import pytest

from services.tracker.compactor.statements import STATEMENTS
from services.tracker.projector.rebuild import rebuild
from services.tracker.projector.rebuild_engagement import rebuild_engagement
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.merged import join_hits
from shared.delivery_log.ordinal_sets import read_totals
from shared.delivery_log.segments import HitColumns, Segment, decode_hits, encode_hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.postgres.database import Database, DatabaseError
from tests.integration.tracker.compacting import (
    ALL_SHARDS,
    LONG_AGO_MS,
    append_one_by_one,
    compact,
    grown,
    let_everybody_read,
    let_it_be_long_ago,
    opened,
    originals,
    rows_of_log,
)
from tests.integration.tracker.running_projectors import project_all
from tests.integration.tracker.test_rebuild import dump_hash


@pytest.mark.parametrize("table", ["projection", "engagement_reached", "callback_reached", "delivery_reached"])
async def test_nothing_is_merged_that_somebody_has_still_to_read(
    database: Database, owner: Database, table: str
) -> None:
    """Whichever reader it is: it would meet again what it knows, or miss what it does not."""
    await grown(database, owner, [opened(part, part) for part in range(4)])
    shard = shard_of(1)
    [reached] = await database.fetch(f"SELECT store_epoch, xid::text, position FROM {table} WHERE shard = $1", shard)
    await database.execute(f"UPDATE {table} SET store_epoch = 0, xid = '0', position = 0 WHERE shard = $1", shard)

    await compact(database)
    behind = await rows_of_log(database)
    await database.execute(
        f"UPDATE {table} SET store_epoch = $1, xid = $2::text::xid8, position = $3 WHERE shard = $4", *reached, shard
    )
    await compact(database)

    assert (behind, await rows_of_log(database)) == (4, 1)


async def test_what_is_recent_or_already_merged_stays(database: Database, owner: Database) -> None:
    """An hour is merged when it has been over for a day; what comes later is merged with its like alone."""
    await grown(database, owner, [opened(part, part) for part in range(4)])
    await append_one_by_one(DeliveryLog(database), [opened(part, part) for part in range(4, 7)])
    await project_all(database)
    await let_everybody_read(database)
    await compact(database)
    recent = await rows_of_log(database)
    await let_it_be_long_ago(owner)
    await compact(database)

    assert (recent, await rows_of_log(database)) == (4, 2)


async def test_a_rebuild_that_begins_is_waited_for_and_waits(database: Database, owner: Database) -> None:
    """While one merges none begins, and while one begins nobody merges: it would read both the many and the one."""
    await grown(database, owner, [opened(part, part) for part in range(4)])
    async with owner.transaction() as connection:
        await connection.fetch("SELECT merging_stops($1::smallint)", shard_of(1))
        await compact(database)
        assert await rows_of_log(database) == 4
    async with owner.transaction() as connection:
        assert await connection.fetch_value(STATEMENTS["try_merging"], shard_of(1))
        rebuilding = [asyncio.create_task(each) for each in (rebuild(database, 77), rebuild_engagement(database))]
        async with asyncio.timeout(30):
            while (
                await database.fetch_value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                < 2
            ):
                await asyncio.sleep(0.01)
        assert not any(task.done() for task in rebuilding)
    await asyncio.gather(*rebuilding)


async def test_a_look_at_large_segments_leaves_their_hits_where_they_are(database: Database, owner: Database) -> None:
    """Thousands are looked at, most of them too large to be merged: their hits would be gigabytes."""
    chance, columns = Random(4), HitColumns()
    for ordinal in range(50_000):
        columns.add_noted(ordinal, LONG_AGO_MS, f"250 queued as {chance.getrandbits(64):x}")
    await grown(database, owner, [Segment(1, Kind.SUBMITTED, 0, 1, 0, columns.take())])
    look = STATEMENTS["segments_to_merge"]

    [row] = await database.fetch(look, shard_of(1), 0.0, 9)
    [[plan]] = await database.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {look}", shard_of(1), 0.0, 9)
    told = orjson.loads(plan)[0]["Plan"]

    assert row["hits"] == 50_000
    assert await database.fetch_value("SELECT octet_length(hits) FROM segment") > 400_000
    assert told["Shared Hit Blocks"] + told["Shared Read Blocks"] < 100, "its hits are on more pages than these"


async def test_no_service_takes_anything_out_of_the_log(database: Database, owner: Database) -> None:
    """But by the one function, which puts in as many hits, and only of what everybody has read."""
    await grown(database, owner, [opened(part, part) for part in range(4)])
    [row, other, *_] = await database.fetch("SELECT hits FROM segment ORDER BY part")
    merge = STATEMENTS["merge_segments"]
    args = (shard_of(1), 1, -7, 0)

    with pytest.raises(DatabaseError):
        await database.execute("DELETE FROM segment")
    assert not await database.fetch_value(merge, *args, [0, 1], None, row["hits"], b"")  # a hit is missing
    assert not await database.fetch_value(merge, *args, [0, 99], None, row["hits"], b"")  # so is a segment
    assert not await database.fetch_value(merge, *args, [0], None, other["hits"], b"")
    both = encode_hits(join_hits([decode_hits(row["hits"]), decode_hits(other["hits"])]))
    async with database.transaction() as connection:
        await connection.execute("UPDATE callback_reached SET store_epoch = 0")
        assert not await connection.fetch_value(merge, *args, [0, 1], None, both, b"")
    assert await rows_of_log(database) == 4
    await database.execute("UPDATE callback_reached SET store_epoch = 1000")
    assert await database.fetch_value(merge, *args, [0, 1], None, both, b"")


async def test_counts_stay_right_beside_projectors_and_intake(database: Database, owner: Database) -> None:
    """Segments come in, are counted and merged all at once, by two who both take the shards for theirs."""
    stop = asyncio.Event()
    segments = [opened(part, part % 90, LONG_AGO_MS + part * 1_000) for part in range(200)]

    async def keep_compacting() -> None:
        while not stop.is_set():
            await let_everybody_read(database)
            await let_it_be_long_ago(owner)
            await asyncio.gather(*(compact(database, shards) for shards in (ALL_SHARDS, ALL_SHARDS)))

    compacting = asyncio.create_task(keep_compacting())
    for start in range(0, 200, 20):
        await append_one_by_one(DeliveryLog(database), segments[start : start + 20])
        await project_all(database)
    stop.set()
    await compacting
    live = await dump_hash(database)
    await rebuild(database, owner=77)

    assert await dump_hash(database) == live
    assert (await read_totals(database, 1))[Kind.OPENED, 0] == 200
    assert {name[3] for name in await originals(database)} == set(range(200))
    assert await rows_of_log(database) < 200
