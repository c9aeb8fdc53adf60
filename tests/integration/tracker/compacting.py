"""A log that grew in small segments, long ago, with all its readers past it; and the compactor that goes through it."""

import asyncio
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from services.tracker.compactor.compactor import Compactor
from services.tracker.metrics import Metrics
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.merged import decode_originals, split_hits
from shared.delivery_log.segments import HitColumns, Segment, decode_hits
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.integration.settled_commits import wait_for_settled_commits
from tests.integration.tracker.running_projectors import project_all

ALL_SHARDS = range(64)
LONG_AGO_MS = 1_700_000_000_000
TASKS = (1, 2, 3)
RECIPIENTS = 70_000  #: two chunks
SENT, HEARD = (0, 1, 2), (-7, -1)  #: numbers of batches, and of whoever hears of readers
NOTES = ("", "550 5.1.1 user unknown", "452 4.2.2 Postfach voll ☹")

_LOG = """
SELECT task_id, kind, batch, epoch, part, position, hits, merged,
       (extract(epoch FROM recorded_at) * 1000000)::bigint AS recorded_us
  FROM segment"""
#: As the owner: services may not.
_LONG_AGO = "UPDATE segment SET recorded_at = recorded_at - interval '3 days' WHERE merged IS NULL"
_EVERYBODY = ("engagement_reached", "callback_reached", "delivery_reached")
_READ = """
UPDATE {table} AS reached
   SET (store_epoch, xid, position) = (projection.store_epoch, projection.xid, projection.position)
  FROM projection
 WHERE projection.shard = reached.shard AND projection.live"""


async def append_one_by_one(log: DeliveryLog, segments: Iterable[Segment]) -> None:
    """Each in a transaction of its own, as they trickle in."""
    for segment in segments:
        await log.append([segment])


async def let_it_be_long_ago(owner: Database) -> None:
    await owner.execute(_LONG_AGO)


async def let_everybody_read(database: Database) -> None:
    """As far as it is projected."""
    for table in _EVERYBODY:
        await database.execute(_READ.format(table=table))


async def compact(database: Database, shards: Sequence[int] = ALL_SHARDS, metrics: Metrics | None = None) -> None:
    """Until there is nothing more."""
    compactor, never = Compactor(database, lambda: shards, metrics or Metrics()), asyncio.Event()
    await wait_for_settled_commits(database)
    while await compactor.step(never):
        pass


async def rows_of_log(database: Database) -> int:
    return int(await database.fetch_value("SELECT count(*) FROM segment"))


def trickled(chance: Random, count: int) -> list[Segment]:
    """A few hits each, of every kind, with notes, links and evidence, of holds and of those who hear of readers."""
    segments = []
    for part in range(count):
        kind, columns = chance.choice(list(Kind)), HitColumns()
        for _ in range(chance.randint(1, 20 if chance.random() < 0.1 else 3)):
            ordinal, time_ms = chance.choice([chance.randrange(9), chance.randrange(RECIPIENTS)]), LONG_AGO_MS + part
            if kind is Kind.CLICKED or kind is Kind.OPENED:
                columns.add(ordinal, time_ms, chance.randint(0, 2), chance.choice((0, 0x13, 0x113)))
            else:
                columns.add_noted(ordinal, time_ms, chance.choice(NOTES))
        batch, epoch = chance.choice([(chance.choice(SENT), chance.randint(1, 2)), (chance.choice(HEARD), 0)])
        segments.append(Segment(chance.choice(TASKS), kind, batch, epoch, 999 - part, columns.take()))
    chance.shuffle(segments)
    return segments


async def originals(database: Database) -> dict[tuple[int, ...], Any]:
    """Of each segment that was ever stored, by its name: its kind, place, hits and notes, and when it was recorded."""
    found: dict[tuple[int, ...], Any] = {}
    for row in await database.fetch(_LOG):
        whole, name = decode_hits(row["hits"]), (row["task_id"], row["batch"], row["epoch"])
        pieces = [(row["part"], row["position"], row["recorded_us"], whole)]
        if row["merged"]:
            each = decode_originals(row["merged"], row["part"])
            pieces = [
                (original.part, original.position, original.recorded_us(piece), piece)
                for original, piece in zip(each, split_hits(whole, each), strict=True)
            ]
        for part, position, recorded_us, piece in pieces:
            why = [piece.notes[detail - 1] if piece.notes and detail else detail for detail in piece.details]
            evidence = list(piece.evidence) or [0] * len(piece)
            rows = list(zip(piece.ordinals, piece.times, why, evidence, strict=True))
            assert (*name, part) not in found
            found[*name, part] = (row["kind"], position, recorded_us, rows)
    return found


async def grown(database: Database, owner: Database, segments: Sequence[Segment]) -> None:
    """All of it long ago, and read by everybody."""
    await append_one_by_one(DeliveryLog(database), segments)
    await project_all(database)
    await let_everybody_read(database)
    await let_it_be_long_ago(owner)


def opened(part: int, ordinal: int, time_ms: int = LONG_AGO_MS) -> Segment:
    columns = HitColumns()
    columns.add(ordinal, time_ms)
    return Segment(1, Kind.OPENED, -7, 0, part, columns.take())
