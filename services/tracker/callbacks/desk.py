"""Callbacks put together: what cuts them out of the log, what makes them, and the loops of both."""

import asyncio
from collections.abc import Callable, Collection

import structlog

from services.tracker.callbacks.cut_windows import LOOK_SECONDS as CUTTING_SECONDS
from services.tracker.callbacks.cut_windows import WindowCutter
from services.tracker.callbacks.make_calls import Caller
from services.tracker.callbacks.switchboard import LOOK_SECONDS, Switchboard
from services.tracker.metrics import Metrics
from shared.domain.egress import EgressRules
from shared.domain.retry_schedule import RetrySchedule
from shared.egress.client import EgressClient
from shared.postgres.database import Database, DatabaseError, Unavailable
from shared.runtime import clock
from shared.runtime.lifecycle import Wakeup, run_loop
from shared.runtime.settings import Settings

log = structlog.get_logger(__name__)


class CallbackDesk:
    """``shards``: those that are projected here now."""

    def __init__(
        self, settings: Settings, database: Database, shards: Callable[[], Collection[int]], metrics: Metrics
    ) -> None:
        self._wakeup = Wakeup()
        self._sweep_seconds = settings.sweep_seconds
        self._egress = EgressClient(EgressRules(settings.egress_allow, settings.egress_ports))
        schedule = RetrySchedule(settings.callback_retry_seconds)
        caller = Caller(database, self._egress, settings.secret, schedule, clock.now, clock.jitter, metrics)
        self._cutter = WindowCutter(database, shards, settings.callback_window_seconds, metrics, self._wakeup.ring)
        self._switchboard = Switchboard(database, caller, clock.random_id(), metrics, self._wakeup.ring)

    async def run(self, stop: asyncio.Event) -> None:
        passing = (Unavailable,)
        await asyncio.gather(
            run_loop("callback windows", self._cutter.step, Wakeup(), stop, CUTTING_SECONDS, passing),
            run_loop("callbacks", self._switchboard.step, self._wakeup, stop, LOOK_SECONDS, passing),
            run_loop("callback sweep", self._switchboard.sweep, Wakeup(), stop, self._sweep_seconds, passing),
        )

    async def stop(self) -> None:
        """Lets others go on at once. The loops have ended by now."""
        try:
            await self._switchboard.stop()
        except DatabaseError as error:
            log.info("callbacks not released", action="callbacks_not_released", reason=type(error).__name__)
        await self._egress.close()
