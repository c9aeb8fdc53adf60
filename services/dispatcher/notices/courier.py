"""A courier claims due notices of one channel and sends them over one line: one at a time, so that a relay that is slow
over one holds up no other.
"""

from collections.abc import Callable

import structlog

from services.dispatcher.channels.interface import Channel, Outcome
from services.dispatcher.decisions.settle_notice import REST_SECONDS
from services.dispatcher.notices.held_notice import HeldNotice, read_held
from services.dispatcher.notices.send_notice import NoticeSending, NoticeTools
from services.dispatcher.notices.statements import STATEMENTS
from services.dispatcher.sending.next_hop import reason_of
from shared.domain.identifiers import Channel as ChannelName

log = structlog.get_logger(__name__)

LONGEST_REST_SECONDS = 15.0


class Courier:
    """``on_claim``: told of each notice that this one has: there may be another for somebody else."""

    def __init__(
        self, tools: NoticeTools, name: ChannelName, channel: Channel, on_claim: Callable[[], None] = lambda: None
    ) -> None:
        self._tools = tools
        self._on_claim = on_claim
        self._name = name
        self._channel = channel
        self._rest = REST_SECONDS
        self._not_before = float("-inf")  #: when it is worth trying a relay again that could not be used

    async def step(self) -> bool:
        """Whether there may be more to do at once. Raises DatabaseError."""
        if self._tools.monotonic() < self._not_before:
            return False
        notice = await self._claim()
        if notice is None:
            return False
        try:
            return await self._send(notice)
        finally:
            # Whatever went wrong: a lease that nobody keeps runs out.
            self._tools.leases.release(notice)

    async def _claim(self) -> HeldNotice | None:
        tools = self._tools
        asked_at = tools.monotonic()
        row = await tools.database.fetch_row(STATEMENTS["claim_notice"], tools.owner, tools.leases.seconds, self._name)
        if row is None:
            return None
        notice = read_held(row, tools.leases.dot_until(asked_at))
        tools.leases.hold(notice)
        self._on_claim()
        return notice

    async def _send(self, notice: HeldNotice) -> bool:
        sending = NoticeSending(self._tools, notice)
        # With nothing to send a channel stands its connection up: while that cannot be had, no notice is begun.
        unusable = await self._channel.send_all((), sending)
        if unusable is not None or self._tools.stopping.is_set():
            await self._tools.database.execute(STATEMENTS["give_back"], notice.id, notice.epoch, self._tools.owner)
        else:
            unusable = await sending.send(self._channel)
        if unusable is not None:
            self._take_rest(unusable)
            return False
        self._rest = REST_SECONDS
        return True

    def _take_rest(self, unusable: Outcome) -> None:
        reason = reason_of(unusable)
        log.warning("relay not usable", action="notice_relay_trouble", channel=self._name, reason=reason)
        self._not_before = self._tools.monotonic() + (unusable.pause or self._rest)
        self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
