"""Publishes what the event store holds, in its order. What became of recipients: ``relay_deliveries``.

Of all relays one is at work, the holder of the checkpoint ``relay``. It reads on behind the checkpoint, publishes, and
moves the checkpoint when the bus has confirmed. Whatever goes wrong in between, the same events are published again:
nothing is lost, and a repeat has the id of the first time.
"""

import asyncio
import contextlib

import structlog

from services.api.published.catalogue import is_published
from services.api.published.envelope import envelope_of
from services.api.published.received_sms import read_received
from shared.bus.interface import EventPublisher, PublishFailed
from shared.event_store.checkpoint import LEASE_SECONDS, LeasedCheckpoint, LeaseLost
from shared.event_store.interface import EventStore
from shared.postgres.database import Database, DatabaseError, Unavailable
from shared.runtime import crash_points
from shared.runtime.lifecycle import Wakeup, run_loop

BATCH = 200
#: An event may wait so long for others: a step has a price of its own, and a crowd's events then share it.
GATHER_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Relay:
    """``owner``: a number that no other process has. ``wakeup``: rung after an append; a sweep finds it anyway."""

    def __init__(
        self,
        store: EventStore,
        database: Database,
        publisher: EventPublisher,
        owner: int,
        *,
        lease_seconds: float = LEASE_SECONDS,
        sweep_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._database = database
        self._publisher = publisher
        self._checkpoint = LeasedCheckpoint(database, "relay", owner, lease_seconds)
        self._pause_seconds = min(sweep_seconds, self._checkpoint.renew_seconds)
        self.wakeup = Wakeup()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then the next relay can go on at once. Cancelled, it leaves its lease to run out."""
        await run_loop(
            "relay", self._step, self.wakeup, stop, self._pause_seconds, passing=(Unavailable, PublishFailed)
        )
        with contextlib.suppress(DatabaseError):
            await self._checkpoint.release()

    def ring(self) -> None:
        """To be called after an append."""
        self.wakeup.ring_within(GATHER_SECONDS)

    async def lag(self) -> float:
        """Seconds for which the oldest event that is not yet published has been waiting. Raises DatabaseError."""
        return await self._checkpoint.lag()

    async def _step(self) -> bool:
        """Whether there may be more. Raises PublishFailed, DatabaseError: the same batch is next again."""
        try:
            return await self._publish_next()
        except LeaseLost as lost:
            log.warning("relay stands back", action="relay_lost_lease", reason=str(lost))
            return False

    async def _publish_next(self) -> bool:
        at = await self._checkpoint.hold()
        events = [] if at is None else await self._store.read_after(at, BATCH)
        if not events:
            return False
        received = await read_received(self._database, events)
        envelopes = [envelope_of(event, received) for event in events if is_published(event.type)]
        if envelopes:
            async with self._checkpoint.kept():
                await self._publisher.publish(envelopes)
                crash_points.reached("relay.published")
        await self._checkpoint.advance(events[-1].at)
        crash_points.reached("relay.advanced")
        return len(events) == BATCH
