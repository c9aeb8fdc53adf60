"""A courier claims due notices of one channel and sends them over one line, one after the other."""

import structlog

from services.dispatcher.channels.interface import Channel, Outcome
from services.dispatcher.decisions.settle_notice import REST_SECONDS
from services.dispatcher.notices.held_notice import HeldNotice, read_held
from services.dispatcher.notices.send_notice import NoticeSending, NoticeTools
from services.dispatcher.notices.statements import STATEMENTS
from shared.domain.identifiers import Channel as ChannelName

log = structlog.get_logger(__name__)

CLAIMED_AT_ONCE = 10
LONGEST_REST_SECONDS = 15.0


class Courier:
    def __init__(self, tools: NoticeTools, name: ChannelName, channel: Channel) -> None:
        self._tools = tools
        self._name = name
        self._channel = channel
        self._rest = REST_SECONDS
        self._not_before = float("-inf")  #: when it is worth trying a relay again that could not be used

    async def step(self) -> bool:
        """Whether there may be more to do at once."""
        if self._tools.monotonic() < self._not_before:
            return False
        held = await self._claim()
        if not held:
            return False
        try:
            return await self._send_all(held)
        finally:
            # Whatever went wrong: leases that nobody keeps run out.
            self._tools.leases.release(held)

    async def _claim(self) -> list[HeldNotice]:
        tools = self._tools
        asked_at = tools.monotonic()
        rows = await tools.database.fetch(
            STATEMENTS["claim_notices"], tools.owner, tools.leases.seconds, CLAIMED_AT_ONCE, self._name
        )
        held = [read_held(row, tools.leases.dot_until(asked_at)) for row in rows]
        tools.leases.hold(held)
        return held

    async def _send_all(self, held: list[HeldNotice]) -> bool:
        # With nothing to send a channel stands its connection up: while that cannot be had, no notice is begun.
        hooks = NoticeSending(self._tools, held[0])
        if (unusable := await self._channel.send_all((), hooks)) is not None:
            await self._take_rest(held, unusable)
            return False
        for place, notice in enumerate(held):
            if self._tools.stopping.is_set():
                await self._give_back(held[place:])
                return False
            if not await NoticeSending(self._tools, notice).send(self._channel):
                await self._take_rest(held[place + 1 :], None)
                return False
            self._tools.leases.release([notice])
        self._rest = REST_SECONDS
        return True

    async def _take_rest(self, held: list[HeldNotice], unusable: Outcome | None) -> None:
        if unusable is not None:
            reason = f"{unusable.stage}: {unusable.text}"
            log.warning("relay not usable", action="notice_relay_trouble", channel=self._name, reason=reason)
        self._not_before = self._tools.monotonic() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
        await self._give_back(held)

    async def _give_back(self, held: list[HeldNotice]) -> None:
        ids, epochs = [notice.id for notice in held], [notice.epoch for notice in held]
        await self._tools.database.execute(STATEMENTS["give_back"], self._tools.owner, ids, epochs)

    async def close(self) -> None:
        await self._channel.close()
