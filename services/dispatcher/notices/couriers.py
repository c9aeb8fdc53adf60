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
RUNG_SECONDS: Final = 60.0  #: how long all but the first of a channel sleep: he rings when there is something to do
FORGOTTEN_AT_ONCE: Final = 500


class Couriers:
    """``channels``: how to open each one that there is a way to send on; notices of the others wait until they
    expire.
    """

    def __init__(
        self, tools: NoticeTools, channels: Mapping[ChannelName, Callable[[], Channel]], sweep_seconds: float
    ) -> None:
        self._tools = tools
        self._channels = channels
        self._sweep_seconds = sweep_seconds
        self._wakeups = {name: [Wakeup() for _ in range(COURIERS)] for name in channels}

    def ring(self) -> None:
        """Something is due."""
        for name in self._wakeups:
            self._ring(name)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then replies to final dots are waited for, and the rest is given back."""
        over, leases = asyncio.Event(), self._tools.leases
        beside = [
            asyncio.create_task(run_loop("notice leases", leases.renew, Wakeup(), over, leases.renew_seconds)),
            asyncio.create_task(
                run_loop("notice sweep", self._tidy_up, Wakeup(), stop, self._sweep_seconds, (Unavailable,))
            ),
        ]
        at_work = [
            asyncio.create_task(self._work(name, wakeup, stop, RUNG_SECONDS if place else self._sweep_seconds))
            for name, wakeups in self._wakeups.items()
            for place, wakeup in enumerate(wakeups)
        ]
        try:
            await asyncio.gather(stop.wait(), *at_work)
        finally:
            over.set()
            for task in (*at_work, *beside):
                task.cancel()
            await asyncio.gather(*at_work, *beside, return_exceptions=True)
            self._tools.journal.close()

    async def _work(self, name: ChannelName, wakeup: Wakeup, stop: asyncio.Event, seconds: float) -> None:
        channel = self._channels[name]()
        courier = Courier(self._tools, name, channel, lambda: self._ring(name))
        try:
            await run_loop("notices", courier.step, wakeup, stop, seconds, (Unavailable,))
        finally:
            await channel.close()

    def _ring(self, name: ChannelName) -> None:
        for wakeup in self._wakeups[name]:
            wakeup.ring()

    async def _tidy_up(self) -> bool:
        self._tools.journal.reset()
        for row in await self._tools.database.fetch(STATEMENTS["doubt_abandoned"]):
            self._tools.count(row["channel"], "in_doubt")
            log.warning("notice in doubt", action="notice_in_doubt", notice_id=row["id"])
        forgotten = await self._tools.database.execute(STATEMENTS["forget_expired"], FORGOTTEN_AT_ONCE)
        return forgotten == FORGOTTEN_AT_ONCE
