"""Publishes what became of recipients: a projection of the delivery log with checkpoints of its own.

As of the relay of the event store, of all processes one is at work, the holder of the checkpoint ``delivery_relay``. It
reads on in every shard, publishes, and moves the shards' checkpoints when the bus has confirmed; whatever goes wrong in
between, the same messages go out again, with the ids of the first time. A round holds one page of the log and no more.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

import structlog

from services.api.published.deliveries import QUERIES, read_reached, tell_segments
from shared.bus.interface import EventPublisher, PublishFailed
from shared.delivery_log.portions import Portion
from shared.delivery_log.tail import MOST_BYTES, oldest_waiting, read_after
from shared.domain.delivery import EVENTS
from shared.event_store.checkpoint import LEASE_SECONDS, LeasedCheckpoint, LeaseLost
from shared.event_store.interface import TailPosition
from shared.postgres.database import Database, DatabaseError, Unavailable
from shared.runtime import crash_points
from shared.runtime.lifecycle import Wakeup, run_loop

GATHER_SECONDS = 0.1  #: after a page that was all there was: a page has a price of its own, and so has a message

log = structlog.get_logger(__name__)


class DeliveryRelay:
    """``owner``: a number that no other process has."""

    def __init__(
        self,
        database: Database,
        publisher: EventPublisher,
        owner: int,
        *,
        lease_seconds: float = LEASE_SECONDS,
        sweep_seconds: float = 1.0,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._checkpoint = LeasedCheckpoint(database, "delivery_relay", owner, lease_seconds)
        self._pause_seconds = min(sweep_seconds, self._checkpoint.renew_seconds)
        self._portion = Portion()
        self.wakeup = Wakeup()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then the next relay can go on at once. Cancelled, it leaves its lease to run out."""
        await run_loop(
            "delivery relay",
            self._step,
            self.wakeup,
            stop,
            self._pause_seconds,
            passing=(Unavailable, PublishFailed),
            rest=lambda: 0.0 if self._portion.full else GATHER_SECONDS,
        )
        with contextlib.suppress(DatabaseError):
            await self._checkpoint.release()

    async def lag(self) -> float:
        """Seconds for which the oldest segment that is not yet published has been waiting. Raises DatabaseError."""
        return await oldest_waiting(self._database, await read_reached(self._database))

    async def _step(self) -> bool:
        """Whether there may be more. Raises PublishFailed, DatabaseError: the same page is next again."""
        try:
            return await self._publish_next()
        except LeaseLost as lost:
            log.warning("relay stands back", action="delivery_relay_lost_lease", reason=str(lost))
            return False

    async def _publish_next(self) -> bool:
        if await self._checkpoint.hold() is None:
            return False
        reached = await read_reached(self._database)
        async with self._database.transaction() as connection:
            page = await read_after(connection, reached, MOST_BYTES, EVENTS, self._portion.each)
            envelopes = await tell_segments(connection, page)
        if not page:
            return False
        if envelopes:
            async with self._checkpoint.kept():
                await self._publisher.publish(envelopes)
                crash_points.reached("deliveries.published")
        await self._advance(reached, {segment.shard: segment.at for segment in page})
        crash_points.reached("deliveries.advanced")
        self._portion = self._portion.following(page)
        return True

    async def _advance(self, before: Mapping[int, TailPosition], after: Mapping[int, TailPosition]) -> None:
        shards = sorted(after)
        moved = await self._database.execute(
            QUERIES["advance_deliveries"],
            shards,
            *_columns(before[shard] for shard in shards),
            *_columns(after[shard] for shard in shards),
        )
        if moved != len(shards):
            # All of it was published; whoever moved these publishes what is behind them.
            log.info("delivery relay out of step", action="delivery_relay_out_of_step", shards=len(shards) - moved)


def _columns(positions: Iterable[TailPosition]) -> tuple[list[object], ...]:
    known = list(positions)
    return [at.store_epoch for at in known], [str(at.xid) for at in known], [at.position for at in known]
