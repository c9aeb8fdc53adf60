"""The projector at work: keeps its shards, projects round after round, completes the tasks that are through and pauses
those that do harm.
"""

from collections.abc import Callable, Collection

import structlog

from services.tracker.decisions.judge_harm import HarmLimits
from services.tracker.metrics import Metrics
from services.tracker.projector.complete_tasks import complete_finished, sweep_open_tasks
from services.tracker.projector.leases import RENEW_SECONDS, ShardLeases
from services.tracker.projector.pause_harmful import pause_harmful
from services.tracker.projector.project import LeaseLost, project_round
from services.tracker.projector.suppress_returned import ReturnedSuppressor
from shared.delivery_log.portions import Portion
from shared.delivery_log.tail import count_waiting, oldest_waiting
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.runtime import crash_points

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25  #: between two looks at idle shards; one look is a few probes of an index
GATHER_SECONDS = 0.1  #: after a round that took all there was: a round has a price of its own, whatever it projects


class Projector:
    """``step`` and ``sweep`` are each called again and again, by a loop of their own."""

    def __init__(
        self,
        database: Database,
        handler: Handler,
        owner: int,
        monotonic: Callable[[], float],
        metrics: Metrics,
        limits: HarmLimits,
        suppressor: ReturnedSuppressor,
    ) -> None:
        self._database = database
        self._handler = handler
        self._monotonic = monotonic
        self._metrics = metrics
        self._limits = limits
        self._suppressor = suppressor
        self._leases = ShardLeases(database, owner)
        self._renew_at = monotonic()
        self._portion = Portion()

    def shards(self) -> Collection[int]:
        """Those that are projected here now."""
        return self._leases.held.keys()

    async def step(self) -> bool:
        """One round. True when there was work, and so may be more."""
        if self._monotonic() >= self._renew_at:
            await self._renew()
        held = self._leases.held
        try:
            async with self._database.transaction() as connection:
                done = await project_round(connection, held, also=self._suppressor.suppress, portion=self._portion)
        except LeaseLost as lost:
            log.info("shards lost", action="shards_lost", reason=str(lost))
            self._renew_at = self._monotonic()
            return True
        held.update(done.reached)
        self._portion = done.following
        if done.hits:
            crash_points.reached("projector.committed")
        self._metrics.projected.inc(done.hits)
        if done.settled:
            await complete_finished(self._database, self._handler, done.settled)
        if done.weighed:
            await pause_harmful(self._database, self._handler, self._limits, done.weighed, self._metrics.count_paused)
        return done.hits > 0

    def rest(self) -> float:
        """How many seconds the next round should let hits gather."""
        return 0.0 if self._portion.full else GATHER_SECONDS

    async def sweep(self) -> bool:
        """Completes what nobody announced, and tells how far behind the projection is."""
        held = dict(self._leases.held)
        await sweep_open_tasks(self._database, self._handler, held.keys())
        at = {shard: reached.at for shard, reached in held.items()}
        self._metrics.lag_seconds.set(await oldest_waiting(self._database, at))
        self._metrics.lag_events.set(await count_waiting(self._database, at))
        return False

    async def stop(self) -> None:
        """Lets others go on at once. The loops have ended by now."""
        await self._leases.release()

    async def _renew(self) -> None:
        await self._leases.renew()
        self._renew_at = self._monotonic() + RENEW_SECONDS
        self._metrics.shards.set(len(self._leases.held))
