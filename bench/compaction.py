"""What an event takes in the log, as it was recorded and once it is merged; and how many segments a second are merged.

The work: a task whose relay is slow, so that each commit has an outcome or two; and opens and clicks that trickle in
over two days, heard by two trackers, each hit a segment of its own.
"""

import asyncio
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final

from bench.measured import Line
from services.tracker.compactor.compactor import Compactor
from services.tracker.metrics import Metrics
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from tests.integration.settled_commits import wait_for_settled_commits

BATCH: Final = 500
NOON_MS: Final = 1_700_000_000_000 - 1_700_000_000_000 % 3_600_000
HOUR_MS: Final = 3_600_000
MOST: Final = 1
_TOGETHER: Final = 500

#: A row with its place on its page, without what indexes take.
BYTES: Final = """
SELECT sum(pg_column_size(segment.*) + 4)::float8 AS bytes, sum(hit_count(hits))::float8 AS hits, count(*) AS segments
  FROM segment
 WHERE task_id = $1"""
#: Up to 20 ms after it happened: of each segment the time of its first hit, as its header has it.
_RECORDED: Final = """
UPDATE segment
   SET recorded_at = to_timestamp((get_byte(hits, 8) + get_byte(hits, 9) * 256.0 + get_byte(hits, 10) * 65536.0
                                   + get_byte(hits, 11) * 16777216.0 + get_byte(hits, 12) * 4294967296.0
                                   + get_byte(hits, 13) * 1099511627776.0) / 1000 + random() * 0.02)
 WHERE task_id >= $1"""
_LONG_AGO: Final = "UPDATE segment SET recorded_at = recorded_at - interval '3 days'"
_READ: Final = (
    "UPDATE projection SET store_epoch = 1000000",
    "UPDATE engagement_reached SET store_epoch = 1000000",
    "UPDATE callback_reached SET store_epoch = 1000000",
    "UPDATE delivery_reached SET store_epoch = 1000000",
)


@dataclass(frozen=True, slots=True)
class Compacted:
    """Of one task: bytes an event, before and after; segments likewise; and how many were merged in a second."""

    before: float
    after: float
    segments: tuple[int, int]
    a_second: float


async def measure(database_url: str, recipients: int, runs: int) -> list[Line]:
    """Each run is a task of its own, for the outcomes, and another for the opens and clicks."""
    await migrate(database_url)
    database = await Database.connect(database_url)
    owner = await Database.connect(database_url, role=None, connections=1, statement_seconds=600.0)
    sent, opened = [], []
    try:
        for run in range(1, runs + 1):
            await append_all(database, outcomes(Random(run), 2 * run, recipients))
            await append_all(database, trickle(Random(run), 2 * run + 1, recipients))
            await owner.execute(_RECORDED, 2 * run)
            await let_all_have_read(owner)
            one, other = await compact(database, 2 * run, 2 * run + 1)
            sent.append(one)
            opened.append(other)
    finally:
        await database.close()
        await owner.close()
    return [
        *lines_of("an outcome, each commit with one or two", sent),
        *lines_of("an open or a click, each recorded alone", opened),
        Line("segments merged a second", "segments/s", [each.a_second for each in sent], note="as fast as it goes"),
    ]


async def largest(database_url: str) -> list[Line]:
    """Of the largest task that was sent in this database, whose services have ended by now."""
    database = await Database.connect(database_url)
    owner = await Database.connect(database_url, role=None, connections=1, statement_seconds=600.0)
    try:
        task_id = await database.fetch_value("SELECT id FROM task ORDER BY recipients DESC NULLS LAST, id LIMIT 1")
        await owner.execute(_LONG_AGO)
        await let_all_have_read(owner)
        return lines_of("a recorded event of the largest task", await compact(database, task_id))
    finally:
        await database.close()
        await owner.close()


def outcomes(dice: Random, task_id: int, recipients: int) -> Iterator[Segment]:
    """Submitted and delivered, of batches that ten connections send one after the other, fifty messages a second."""
    now = float(NOON_MS)
    for batch, first in enumerate(range(0, recipients, BATCH)):
        ordinals, part = list(range(first, min(first + BATCH, recipients))), 0
        while ordinals:
            some = [
                ordinals.pop(min(len(ordinals) - 1, dice.randrange(3)))
                for _ in range(min(len(ordinals), dice.choice((1, 2))))
            ]
            times = []
            for _ in some:
                now += dice.expovariate(1 / 20)
                times.append(int(now))
            for kind in (Kind.SUBMITTED, Kind.DELIVERED):
                hits = Hits(array("I", some), array("Q", times), array("H", bytes(2 * len(some))))
                yield Segment(task_id, kind, batch, 1, part, hits)
                part += 1


def trickle(dice: Random, task_id: int, recipients: int) -> Iterator[Segment]:
    """Of four recipients in ten, half of it in the first two hours."""
    times = sorted(
        int(dice.choice((dice.random() * 2, dice.random() * 48)) * HOUR_MS) for _ in range(recipients * 4 // 10)
    )
    parts = [0, 0]
    for time_ms in times:
        reader, kind = dice.randrange(2), dice.choice((Kind.OPENED, Kind.OPENED, Kind.OPENED, Kind.CLICKED))
        detail = dice.randint(1, 3) if kind is Kind.CLICKED else 0
        hits = Hits(
            array("I", [dice.randrange(recipients)]),
            array("Q", [NOON_MS + time_ms]),
            array("H", [detail]),
            (),
            array("H", [dice.choice((0x13, 0x13, 0x25))]),
        )
        yield Segment(task_id, kind, -7 - reader, 0, parts[reader], hits)
        parts[reader] += 1


async def append_all(database: Database, segments: Iterator[Segment]) -> None:
    log = DeliveryLog(database)
    while some := list(islice(segments, _TOGETHER)):
        await log.append(some)


async def let_all_have_read(owner: Database) -> None:
    for read in _READ:
        await owner.execute(read)


async def compact(database: Database, *tasks: int) -> list[Compacted]:
    """Everything, until there is nothing more; the figures are of these tasks."""
    before = [(await database.fetch(BYTES, task))[0] for task in tasks]
    await wait_for_settled_commits(database)
    metrics, never = Metrics(), asyncio.Event()
    compactor = Compactor(database, lambda: range(64), metrics, most_a_second=1e9)
    began = time.perf_counter()
    while await compactor.step(never):
        pass
    seconds = time.perf_counter() - began
    after = [(await database.fetch(BYTES, task))[0] for task in tasks]
    return [
        Compacted(
            one["bytes"] / one["hits"],
            other["bytes"] / other["hits"],
            (one["segments"], other["segments"]),
            metrics.segments_merged._value.get() / seconds,
        )
        for one, other in zip(before, after, strict=True)
    ]


def lines_of(what: str, found: list[Compacted]) -> list[Line]:
    before, after = found[-1].segments
    return [
        Line(f"database bytes of {what}, without indexes, as recorded", "bytes", [each.before for each in found]),
        Line(
            f"database bytes of {what}, without indexes, merged",
            "bytes",
            [each.after for each in found],
            note=f"{before:,} segments became {after:,}",
            most=MOST,
        ),
    ]
