"""Who calls whom: takes campaigns that have something to tell, as many as there are places, and lets each be served.

Any number of trackers share the work by leases. A campaign whose last call failed gets a place of half of them only:
however many endpoints are dead or slow, others are called meanwhile.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from services.tracker.callbacks.make_calls import LEASE_SECONDS, Caller, Line
from services.tracker.callbacks.statements import STATEMENTS
from services.tracker.metrics import Metrics
from shared.postgres.database import Database, DatabaseError, Unavailable

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
PLACES: Final = 256  #: of each of the two kinds
STOP_SECONDS: Final = 3.0


class Switchboard:
    """``owner``: a number nobody else has. ``ring``: called when a place has become free."""

    def __init__(
        self, database: Database, caller: Caller, owner: int, metrics: Metrics, ring: Callable[[], None]
    ) -> None:
        self._database = database
        self._caller = caller
        self._owner = owner
        self._metrics = metrics
        self._ring = ring
        self._served: dict[bool, set[asyncio.Task[None]]] = {False: set(), True: set()}

    async def step(self) -> bool:
        """Takes what there are places for. What becomes of it rings."""
        for failed, served in self._served.items():
            free = PLACES - len(served)
            if free:
                rows = await self._database.fetch(STATEMENTS["claim_lines"], self._owner, LEASE_SECONDS, failed, free)
                for row in rows:
                    self._begin(Line(row["campaign_id"], row["epoch"], row["wishes"]), served)
        return False

    async def sweep(self) -> bool:
        """Begins anew where the URL has changed, and tells how it stands."""
        if await self._database.execute(STATEMENTS["reopen_lines"]):
            self._ring()
        [row] = await self._database.fetch(STATEMENTS["callback_health"])
        self._metrics.callback_age.set(max(0.0, row["age"] or 0.0))
        self._metrics.callbacks_parked.set(row["parked"])
        self._metrics.callbacks_stopped.set(row["stopped"])
        return False

    async def stop(self) -> None:
        """Waits a little for the answers under way; what is cut off is said once more. Raises DatabaseError."""
        served = [task for tasks in self._served.values() for task in tasks]
        if served:
            _, late = await asyncio.wait(served, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*served, return_exceptions=True)
        await self._database.execute(STATEMENTS["release_lines"], self._owner)

    def _begin(self, line: Line, served: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(self._serve(line))
        served.add(task)
        task.add_done_callback(served.discard)
        task.add_done_callback(lambda _: self._ring())

    async def _serve(self, line: Line) -> None:
        try:
            await self._caller.serve(line)
        except Unavailable as error:
            log.warning("callbacks wait", action="callbacks_wait", reason=str(error)[:200])
        except DatabaseError:
            log.exception("callback not recorded", action="callback_not_recorded", campaign_id=line.campaign_id)
        except Exception:
            log.exception("callback not made", action="callback_not_made", campaign_id=line.campaign_id)
