"""Single messages outside any task, for as long as the process lives: couriers for each channel, and who tidies up."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from services.dispatcher.channels.interface import Channel
from services.dispatcher.notices.courier import Courier
from services.dispatcher.notices.send_notice import NoticeTools
from services.dispatcher.notices.statements import STATEMENTS
from shared.domain.identifiers import Channel as ChannelName
from shared.postgres.database import Unavailable
from shared.runtime.lifecycle import Wakeup, run_loop

log = structlog.get_logger(__name__)

COURIERS: Final = 4  #: of each channel; each has a line of its own
FORGOTTEN_AT_ONCE: Final = 500


class Couriers:
    """``channels``: how to open each one that there is a way to send on; notices of the others wait until they
    expire.
    """

    def __init__(
        self, tools: NoticeTools, channels: Mapping[ChannelName, Callable[[], Channel]], sweep_seconds: float
    ) -> None:
        self._tools = tools
        self._couriers = [
            Courier(tools, name, open_channel()) for name, open_channel in channels.items() for _ in range(COURIERS)
        ]
        self._wakeups = [Wakeup() for _ in self._couriers]
        self._sweep_seconds = sweep_seconds

    def ring(self) -> None:
        """Something is due."""
        for wakeup in self._wakeups:
            wakeup.ring()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then replies to final dots are waited for, and the rest is given back."""
        over, leases, sweep = asyncio.Event(), self._tools.leases, self._sweep_seconds
        beside = [
            asyncio.create_task(run_loop("notice leases", leases.renew, Wakeup(), over, leases.renew_seconds)),
            asyncio.create_task(run_loop("notice sweep", self._tidy_up, Wakeup(), stop, sweep, (Unavailable,))),
        ]
        loops = [
            asyncio.create_task(run_loop("notices", courier.step, wakeup, stop, sweep, (Unavailable,)))
            for courier, wakeup in zip(self._couriers, self._wakeups, strict=True)
        ]
        try:
            await asyncio.gather(*loops)
        finally:
            over.set()
            for task in (*loops, *beside):
                task.cancel()
            await asyncio.gather(*loops, *beside, return_exceptions=True)
            await asyncio.gather(*(courier.close() for courier in self._couriers), return_exceptions=True)
            self._tools.journal.close()

    async def _tidy_up(self) -> bool:
        self._tools.journal.reset()
        for row in await self._tools.database.fetch(STATEMENTS["doubt_abandoned"]):
            self._tools.count(row["channel"], "in_doubt")
            log.warning("notice in doubt", action="notice_in_doubt", notice_id=row["id"])
        forgotten = await self._tools.database.execute(STATEMENTS["forget_expired"], FORGOTTEN_AT_ONCE)
        return forgotten == FORGOTTEN_AT_ONCE
