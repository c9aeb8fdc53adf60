"""What each person did with all that was sent to him, added up out of the delivery log.

A projection of its own, beside that of the sets: it has its own checkpoints, so neither waits for the other, and each
hit counts once, whoever adds it and however often a round is tried. A round is one transaction; its first write moves
the checkpoints, and only from where the round read.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from services.tracker.decisions.gather_deeds import gather_deeds
from services.tracker.metrics import Metrics
from services.tracker.projector.statements import STATEMENTS
from shared.delivery_log.portions import Portion
from shared.delivery_log.tail import read_after
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Database, Row, Unavailable
from shared.runtime import crash_points
from shared.runtime.lifecycle import Wakeup, run_loop

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0  #: between two looks when there is nothing to do
GATHER_SECONDS: Final = 0.25  #: after a round that took all there was
MOST_BYTES: Final = 32 * 1024  #: of hits in one round: about 100 ms of one transaction

_KINDS: Final = (Kind.OPENED, Kind.CLICKED, Kind.BOUNCED)


class OutOfStep(Exception):
    """Somebody else has moved a checkpoint, or a rebuild took its place; nothing of the round was stored."""


@dataclass(frozen=True, slots=True)
class Added:
    reached: Mapping[int, TailPosition]  #: the shards that went on
    oldest: Instant | None  #: when the oldest segment of the round was recorded
    following: Portion  #: how much the next round should take


class EngagementProjector:
    """``shards``: those this tracker projects, so that trackers share the work."""

    def __init__(
        self,
        database: Database,
        shards: Callable[[], Collection[int]],
        now: Callable[[], Instant],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._shards = shards
        self._now = now
        self._metrics = metrics
        self._generation = 0
        self._reached: dict[int, TailPosition] = {}
        self._portion = Portion()

    async def run(self, stop: asyncio.Event) -> None:
        await run_loop("engagement", self.step, Wakeup(), stop, LOOK_SECONDS, (Unavailable,), self._rest)

    async def step(self) -> bool:
        """One round. True when there was work, and so may be more."""
        shards = set(self._shards())
        if self._reached.keys() != shards:
            await self._load(shards)
        try:
            async with self._database.transaction() as connection:
                added = await add_round(connection, self._generation, self._reached, self._portion)
        except OutOfStep as reason:
            log.info("engagement out of step", action="engagement_out_of_step", reason=str(reason))
            self._reached = {}
            return True
        self._reached |= added.reached
        self._portion = added.following
        lag = 0.0 if added.oldest is None else max(0.0, self._now() - added.oldest)
        self._metrics.engagement_lag_seconds.set(lag)
        return bool(added.reached)

    def _rest(self) -> float:
        return 0.0 if self._portion.full else GATHER_SECONDS

    async def _load(self, shards: Collection[int]) -> None:
        rows = await self._database.fetch(STATEMENTS["engagement_reached"], sorted(shards))
        self._generation = rows[0]["generation"] if rows else 0
        self._reached = {row["shard"]: position_of(row) for row in rows}


def position_of(row: Row) -> TailPosition:
    return TailPosition(row["store_epoch"], row["xid"], row["position"])


async def add_round(
    connection: Connection, generation: int, reached: Mapping[int, TailPosition], portion: Portion | None = None
) -> Added:
    """Adds what comes next in the shards ``reached``, inside the caller's transaction. Raises OutOfStep."""
    each = portion.each if portion else None
    segments = await read_after(connection, reached, MOST_BYTES, _KINDS, each) if reached else []
    following = (portion or Portion()).following(segments, MOST_BYTES)
    if not segments:
        return Added({}, None, following)
    after = {segment.shard: segment.at for segment in segments}
    await _advance(connection, generation, reached, after)
    deeds = gather_deeds((segment.task_id, segment.kind, segment.hits) for segment in segments)
    if deeds:
        columns = (deeds.tasks, deeds.ordinals, deeds.kinds, deeds.times)
        await connection.execute(STATEMENTS["add_engagement"], generation, *columns, *_KINDS)
        crash_points.reached("engagement.counted")
    return Added(after, min(segment.recorded_at for segment in segments), following)


async def _advance(
    connection: Connection, generation: int, before: Mapping[int, TailPosition], after: Mapping[int, TailPosition]
) -> None:
    shards = sorted(after)
    moved = await connection.execute(
        STATEMENTS["advance_engagement"],
        generation,
        shards,
        *_columns(before[shard] for shard in shards),
        *_columns(after[shard] for shard in shards),
    )
    if moved != len(shards):
        raise OutOfStep(f"{len(shards) - moved} of {len(shards)} checkpoints have moved")


def _columns(positions: Iterable[TailPosition]) -> tuple[list[object], ...]:
    known = list(positions)
    return [at.store_epoch for at in known], [str(at.xid) for at in known], [at.position for at in known]
