"""A channel with crash points around what its user does for each message. Only armed processes have it."""

import asyncio
from collections.abc import Callable, Iterable

from services.dispatcher.channels.interface import Channel, Hooks, Outcome, OutcomeKind, Outgoing
from shared.runtime import crash_points


def with_crash_points(open_channel: Callable[[], Channel]) -> Callable[[], Channel]:
    """As it is, unless this process is armed."""
    return (lambda: CrashChannel(open_channel())) if crash_points.are_armed() else open_channel


class CrashChannel:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def send_all(self, messages: Iterable[Outgoing], hooks: Hooks) -> Outcome | None:
        """See ``Channel.send_all``."""
        stopped = await self._channel.send_all(messages, _CrashHooks(hooks))
        crash_points.reached("sender.sent")
        return stopped

    async def close(self) -> None:
        await self._channel.close()


class _CrashHooks:
    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks

    def before_dot(self, ordinal: int) -> bool | bytes:
        crash_points.reached("sender.dot_due")
        goes = self._hooks.before_dot(ordinal)
        crash_points.reached("sender.dot_journalled")
        return goes

    def may_begin_again(self) -> bool:
        return self._hooks.may_begin_again()

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        if outcome.kind is not OutcomeKind.ACCEPTED:
            self._hooks.on_outcome(ordinal, outcome)
            return
        crash_points.reached("sender.reply_read")
        self._hooks.on_outcome(ordinal, outcome)
        # Behind the journal, which writes when this turn of the loop is over.
        asyncio.get_running_loop().call_soon(crash_points.reached, "sender.reply_journalled")
