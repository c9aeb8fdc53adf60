"""Makes few large segments of many small ones, once everybody who reads the log is past them.

A merge is one short transaction, and a merged segment is never merged again. A crash leaves some merged and others not,
and the place that was reached before: they are looked through again, and those that are merged passed over.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import takewhile
from typing import Final

import structlog

from services.tracker.compactor.statements import STATEMENTS
from services.tracker.decisions.plan_merges import Candidate, Merge, Producer, plan_merges, whole_days
from services.tracker.metrics import Metrics
from shared.delivery_log.append import QUERIES as LOG_QUERIES
from shared.delivery_log.merged import LEVEL, Original, encode_originals, join_hits
from shared.delivery_log.segments import BadSegment, decode_hits, encode_hits, ordinals_of
from shared.domain.identifiers import Instant
from shared.postgres.database import Connection, Database, Row, Unavailable
from shared.runtime import crash_points
from shared.runtime.lifecycle import Wakeup, rest_unless, run_loop

log = structlog.get_logger(__name__)

#: So long a day is over when it is merged. Whoever is less than that behind at GET /events reads each event once.
AFTER_SECONDS: Final = 24 * 3600.0
LOOK_SECONDS: Final = 5.0
MOST_LOOKED_AT: Final = 10_000  #: segments in one round
MOST_A_SECOND: Final = 2_000.0  #: segments merged: others work in the same process and on the same disk

Made = tuple[bytes | None, bytes, bytes]  #: ordinals, hits, and which of them is which


class Compactor:
    """``shards``: those this tracker projects, so that trackers share the work."""

    def __init__(
        self,
        database: Database,
        shards: Callable[[], Collection[int]],
        metrics: Metrics,
        most_a_second: float = MOST_A_SECOND,
    ) -> None:
        self._database = database
        self._shards = shards
        self._metrics = metrics
        self._most_a_second = most_a_second

    async def run(self, stop: asyncio.Event) -> None:
        await run_loop("compactor", partial(self.step, stop), Wakeup(), stop, LOOK_SECONDS, (Unavailable,))

    async def step(self, stop: asyncio.Event) -> bool:
        """One round of each shard that has something. True when there may be more at once."""
        rows = await self._look("shards_to_merge", sorted(self._shards()), AFTER_SECONDS)
        went_on = False
        for row in rows:
            if not stop.is_set():
                went_on |= await self._go_through(row["shard"], stop)
        return went_on

    async def _go_through(self, shard: int, stop: asyncio.Event) -> bool:
        """Whether it came to the end of what it found; else that is looked at again."""
        rows = await self._look("segments_to_merge", shard, AFTER_SECONDS, MOST_LOOKED_AT)
        over = list(takewhile(lambda row: row["is_over"], rows))
        found = whole_days([_candidate(row) for row in over], MOST_LOOKED_AT)
        for merge in plan_merges(found):
            if stop.is_set() or not await self._merge(shard, merge):
                return False
            await rest_unless(stop, len(merge.parts) / self._most_a_second)
        if not found:
            return False
        last = over[len(found) - 1]
        place = (last["store_epoch"], str(last["xid_read"]), last["position"])
        return await self._database.execute(STATEMENTS["advance_merged"], shard, *place) > 0

    async def _look(self, name: str, *args: object) -> list[Row]:
        async with self._database.transaction() as connection:
            await connection.execute(LOG_QUERIES["go_by_index"])
            return await connection.fetch(STATEMENTS[name], *args)

    async def _merge(self, shard: int, merge: Merge) -> bool:
        """False: not now, for somebody else merges here, or begins to rebuild."""
        async with self._database.transaction() as connection:
            if not await connection.fetch_value(STATEMENTS["try_merging"], shard):
                return False
            try:
                made = await _read_together(connection, merge)
            except BadSegment as error:
                told = {"task_id": merge.producer.task_id, "error": str(error)}
                log.warning("segments stay as they are", action="segments_not_merged", **told)
                return True
            if made is None or not await _put(connection, shard, merge, made):
                return False
            crash_points.reached("segments.merging")
        crash_points.reached("segments.merged")
        self._metrics.segments_merged.inc(len(merge.parts))
        self._metrics.segments_made.inc()
        return True


async def _read_together(connection: Connection, merge: Merge) -> Made | None:
    """None: another one was quicker. Raises BadSegment."""
    task_id, batch, epoch, _ = merge.producer
    rows = await connection.fetch(STATEMENTS["originals"], task_id, batch, epoch, merge.parts)
    if len(rows) != len(merge.parts):
        return None
    return await asyncio.to_thread(_make, rows, merge.with_ordinals)


async def _put(connection: Connection, shard: int, merge: Merge, made: Made) -> bool:
    """False: a rebuild began since these were looked for, and has still to read them."""
    task_id, batch, epoch, _ = merge.producer
    args = (shard, task_id, batch, epoch, merge.parts, *made)
    return bool(await connection.fetch_value(STATEMENTS["merge_segments"], *args))


def _make(rows: Sequence[Row], with_ordinals: bool) -> Made:
    """Raises BadSegment, also where the one would not say what the many do."""
    several = [decode_hits(row["hits"]) for row in rows]
    joined = join_hits(several)
    hits = encode_hits(joined, LEVEL)
    if decode_hits(hits) != joined:
        raise BadSegment("their times lie too far from each other")
    originals = [
        Original.of(row["part"], row["position"], each, row["recorded_us"])
        for row, each in zip(rows, several, strict=True)
    ]
    return ordinals_of(joined).serialize() if with_ordinals else None, hits, encode_originals(originals)


def _candidate(row: Row) -> Candidate:
    return Candidate(
        producer=Producer(row["task_id"], row["batch"], row["epoch"], row["kind"]),
        part=row["part"],
        store_epoch=row["store_epoch"],
        first_ordinal=row["first_ordinal"],
        last_ordinal=row["last_ordinal"],
        hits=row["hits"],
        recorded_at=Instant(row["recorded_at"]),
        merged=row["merged"],
    )
