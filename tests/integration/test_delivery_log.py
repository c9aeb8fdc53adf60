"""The delivery log on Postgres: what is appended is stored once, and its readers miss nothing."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from random import Random

import pytest
from pyroaring import BitMap

from shared.delivery_log.append import DeliveryLog, Entry, append_in
from shared.delivery_log.segments import Hits, Segment
from shared.delivery_log.tail import MOST_SEGMENTS, RecordedSegment, oldest_waiting, read_after
from shared.domain.delivery import Kind
from shared.domain.identifiers import SHARDS, shard_of
from shared.event_store.interface import TailPosition
from shared.postgres.database import Database, DatabaseError
from tests.integration.settled_commits import wait_for_settled_commits

NOON_MS = 1_800_000_000_000
WRITERS = 24
BEGINNING = dict.fromkeys(range(SHARDS), TailPosition())


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url, connections=WRITERS + 4)
    yield connected
    await connected.close()


@pytest.fixture
def delivery_log(database: Database) -> DeliveryLog:
    return DeliveryLog(database)


class Reader:
    """Goes on from where it was, as every reader of the log does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.at = dict(BEGINNING)

    async def read(self, most_bytes: int = 1_000_000) -> list[RecordedSegment]:
        async with self.database.transaction() as connection:
            segments = await read_after(connection, self.at, most_bytes)
        self.at |= {segment.shard: segment.at for segment in segments}
        return segments

    async def read_to_the_end(self, most_bytes: int = 1_000_000) -> list[RecordedSegment]:
        await wait_for_settled_commits(self.database)
        found: list[RecordedSegment] = []
        while more := await self.read(most_bytes):
            found += more
        return found


def opened(task: int, part: int, ordinals: Sequence[int] = (1,)) -> Segment:
    return Segment(task, Kind.OPENED, 0, 1, part, Hits.at_once(ordinals, NOON_MS))


def first_ordinals(segments: Sequence[RecordedSegment]) -> list[tuple[int, int]]:
    return [(segment.task_id, segment.hits.ordinals[0]) for segment in segments]


async def test_a_segment_appended_ten_times_is_there_once(database: Database, delivery_log: DeliveryLog) -> None:
    """The producer's identity of it is the key, whatever else is in the same commit."""
    for part in range(10):
        await asyncio.gather(*(delivery_log.append([opened(7, 0), opened(7, part)]) for _ in range(3)))

    assert await database.fetch_value("SELECT count(*) FROM segment") == 10


async def test_a_segment_names_the_set_of_its_ordinals(database: Database, delivery_log: DeliveryLog) -> None:
    """So the history of one recipient reads only the segments that hold him."""
    await delivery_log.append([opened(7, 0, [9, 3, 9, 70_000])])

    row = (await database.fetch("SELECT * FROM segment"))[0]
    assert (row["shard"], row["first_ordinal"], row["last_ordinal"]) == (shard_of(7), 3, 70_000)
    assert BitMap.deserialize(row["ordinals"]) == BitMap([3, 9, 70_000])


@pytest.mark.parametrize("statement", ["UPDATE segment SET kind = 2", "DELETE FROM segment"])
async def test_what_is_recorded_stays(database: Database, delivery_log: DeliveryLog, statement: str) -> None:
    """Services may add to the log and read it; nothing else is granted to them."""
    await delivery_log.append([opened(7, 0)])

    with pytest.raises(DatabaseError, match="permission denied"):
        await database.execute(statement)


async def test_each_shard_is_read_in_the_order_of_its_commits(database: Database, delivery_log: DeliveryLog) -> None:
    """Every segment once, also when a read holds but a few of them."""
    for part in range(30):
        await delivery_log.append([opened(task, part, [part]) for task in range(1, 21)])

    segments = await Reader(database).read_to_the_end(most_bytes=400)

    assert sorted(first_ordinals(segments)) == sorted(itertools.product(range(1, 21), range(30)))
    for task in range(1, 21):
        assert [ordinal for of, ordinal in first_ordinals(segments) if of == task] == list(range(30))


async def test_a_shard_with_much_to_read_holds_up_no_other(database: Database, delivery_log: DeliveryLog) -> None:
    """The first read already has something of each."""
    await delivery_log.append([opened(1, part, range(100)) for part in range(500)])
    await delivery_log.append([opened(task, 0) for task in range(2, 30)])

    await wait_for_settled_commits(database)
    segments = await Reader(database).read(most_bytes=10_000)

    assert {segment.task_id for segment in segments} == set(range(1, 30))


async def test_a_segment_larger_than_a_read_is_read(database: Database, delivery_log: DeliveryLog) -> None:
    """A limit on the volume never stops a reader."""
    await delivery_log.append([opened(7, 0, range(10_000)), opened(7, 1, range(10_000))])

    segments = await Reader(database).read_to_the_end(most_bytes=1)

    assert [len(segment.hits) for segment in segments] == [10_000, 10_000]


async def test_readers_miss_nothing_that_commits_late(database: Database) -> None:
    """24 writers dawdle before they commit or roll back, a reader at their heels: none is missed or seen twice."""
    chance = Random(1)
    found: list[tuple[int, int]] = []
    reader = Reader(database)
    committed = await write_with_delays(database, chance, found, reader)

    found += first_ordinals(await reader.read_to_the_end())
    assert sorted(found) == sorted(committed)


async def write_with_delays(
    database: Database, chance: Random, found: list[tuple[int, int]], reader: Reader
) -> list[tuple[int, int]]:
    """Reads all the while; answers what was committed."""
    committed: list[tuple[int, int]] = []

    async def write(writer: int) -> None:
        for number in range(40):
            ordinal = writer * 1000 + number
            try:
                async with database.transaction() as connection:
                    await append_in(connection, [Entry([opened(number % 5 + 1, ordinal, [ordinal])])])
                    await asyncio.sleep(chance.random() * 0.02)
                    if chance.random() < 0.1:
                        raise RolledBack
            except RolledBack:
                continue
            committed.append((number % 5 + 1, ordinal))

    writing = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    while not writing.done():
        found += first_ordinals(await reader.read())
        await asyncio.sleep(0)
    await writing
    return committed


class RolledBack(Exception):
    pass


async def test_a_restored_log_is_read_behind_what_was_read_before(
    database_url: str, database: Database, delivery_log: DeliveryLog
) -> None:
    """Transaction numbers start again after a restore: the old ones are all committed, the new ones come later."""
    await delivery_log.append([opened(7, 0, [1])])
    owner = await Database.connect(database_url, role=None)
    await owner.execute("UPDATE segment SET xid = '4000000000000'")
    await owner.execute("UPDATE store SET store_epoch = 2")
    await owner.close()
    await delivery_log.append([opened(7, 1, [2])])

    assert first_ordinals(await Reader(database).read_to_the_end()) == [(7, 1), (7, 2)]


async def test_a_segment_that_cannot_be_read_ends_its_shard_and_no_other(
    database_url: str, database: Database, delivery_log: DeliveryLog
) -> None:
    """A later version can read it: skipping it would lose its hits."""
    await delivery_log.append([opened(7, 0, [1]), opened(7, 1, [2]), opened(7, 2, [3]), opened(8, 0, [4])])
    owner = await Database.connect(database_url, role=None)
    await owner.execute("UPDATE segment SET hits = '\\x09' || substring(hits FROM 2) WHERE task_id = 7 AND part = 1")
    await owner.close()

    assert shard_of(7) != shard_of(8)
    assert sorted(first_ordinals(await Reader(database).read_to_the_end())) == [(7, 1), (8, 4)]


async def test_what_waits_is_known_by_its_age(database: Database, delivery_log: DeliveryLog) -> None:
    """Also what an open transaction keeps from the tail, for then something is wrong."""
    await delivery_log.append([opened(7, 0)])
    reader = Reader(database)
    before = await oldest_waiting(database, reader.at)
    await reader.read_to_the_end()
    after = await oldest_waiting(database, reader.at)
    async with database.transaction() as connection:
        await append_in(connection, [Entry([opened(8, 0)])])
        await delivery_log.append([opened(7, 1)])
        held_back = await reader.read()
        during = await oldest_waiting(database, reader.at)

    assert before > 0
    assert after == 0
    assert (held_back, during > 0) == ([], True)


async def test_a_read_touches_no_more_rows_than_it_may_return(
    database_url: str, database: Database, delivery_log: DeliveryLog
) -> None:
    """Whatever the planner believes of the log, now or when the statement was planned."""
    await delivery_log.append([opened(task, part) for task in range(1, 65) for part in range(50)])
    owner = await Database.connect(database_url, role=None)
    await owner.execute("ANALYZE segment")
    await owner.close()

    await wait_for_settled_commits(database)
    async with database.transaction() as connection:
        before = await connection.fetch_value(ROWS_TOUCHED)
        segments = await read_after(connection, BEGINNING)
        touched = await connection.fetch_value(ROWS_TOUCHED) - before

    assert segments
    assert touched <= MOST_SEGMENTS + SHARDS


ROWS_TOUCHED = """
SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname LIKE 'segment%'"""
