"""A Channel over SMPP: as many messages at a time as the window allows, each in one write and with one answer."""

import asyncio
import ssl
from collections.abc import Iterable, Iterator

from services.dispatcher.channels.interface import Hooks, Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.channels.smpp.link import SmppLink, Timers
from services.dispatcher.channels.smpp.pdu import Command, Pdu, submit
from services.dispatcher.channels.smpp.smpp_address import SmppAddress
from services.dispatcher.channels.smpp.statuses import THROTTLED, outcome_of_submit

FIRST_PAUSE_SECONDS = 1.0  #: after the SMSC said that we are too fast; doubles while it goes on saying so
LONGEST_PAUSE_SECONDS = 8.0


class SmppTransmitter:
    """Bound as a transmitter when there is something to send. One ``send_all`` runs at a time."""

    def __init__(self, address: SmppAddress, timers: Timers | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._address = address
        self._timers = timers or Timers()
        self._tls = tls or (ssl.create_default_context() if address.tls else None)
        self._link: SmppLink | None = None

    async def send_all(self, messages: Iterable[Outgoing], hooks: Hooks) -> Outcome | None:
        """See ``Channel.send_all``."""
        link = await self._bound()
        if isinstance(link, Outcome):
            return link
        return await Transfer(link, iter(messages), hooks, self._address.window).run()

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.unbind()

    async def _bound(self) -> SmppLink | Outcome:
        if self._link is not None and self._link.gone is None:
            return self._link
        link = SmppLink(self._timers)
        refused = await link.open(self._address, Command.BIND_TRANSMITTER, self._tls)
        if refused is None:
            self._link = link
        return refused or link


class Transfer:
    """Sends what is in ``source`` until it ends, the link is gone or the SMSC refuses us.

    Throttled messages are free to go again and spend no attempt; the rest waits a little before it goes on, one by one
    until an answer is good again.
    """

    def __init__(self, link: SmppLink, source: Iterator[Outgoing], hooks: Hooks, window: int) -> None:
        self._link = link
        self._source = source
        self._hooks = hooks
        self._window = window
        self._room = window
        self._pause = 0.0
        self._pausing: asyncio.TimerHandle | None = None
        self._under_way: dict[int, Outgoing] = {}
        self._stop: Outcome | None = None
        self._ended = False  #: nothing more is taken
        self._done: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    async def run(self) -> Outcome | None:
        """Raises what a hook or the source raised. Cancelled, it drops the link and reports what was under way."""
        self._link.on_gone = self._lose
        self._go_on()
        try:
            return await self._done
        except asyncio.CancelledError:
            self._link.drop("sending was cancelled")
            raise
        finally:
            self._link.on_gone = None
            if self._pausing is not None:
                self._pausing.cancel()

    def _go_on(self) -> None:
        self._pausing = None
        try:
            while not self._ended and len(self._under_way) < self._room:
                self._send_next()
        except Exception as surprise:  # noqa: BLE001 - of a hook or the source: it goes to whoever awaits the end
            self._abandon(surprise)
        self._finish_if_through()

    def _send_next(self) -> None:
        message = next(self._source, None)
        if message is None:
            self._ended = True
            return
        sequence = self._link.next_sequence()
        try:
            telephone, text = message.recipient.decode(), message.content.decode()
            octets = submit(message.sender.decode(), telephone, text, sequence)
        except ValueError as fault:
            self._let_go(message, Outcome(OutcomeKind.BLOCKED, 0, str(fault)[:200], Stage.MAIL))
            return
        if not self._hooks.before_dot(message.ordinal):
            self._let_go(message, Outcome(OutcomeKind.UNSENT, 0, "held back before its dot", Stage.DOT))
            return
        self._under_way[sequence] = message
        self._link.send(octets, sequence, self._read)

    def _let_go(self, message: Outgoing, outcome: Outcome) -> None:
        self._ended, self._stop = True, outcome
        self._hooks.on_outcome(message.ordinal, outcome)

    def _read(self, pdu: Pdu) -> None:
        message = self._under_way.pop(pdu.sequence, None)
        if message is None:
            return
        outcome = outcome_of_submit(pdu.status, pdu.text)
        try:
            self._hooks.on_outcome(message.ordinal, outcome)
        except Exception as surprise:  # noqa: BLE001 - of a hook: it goes to whoever awaits the end
            self._abandon(surprise)
            return
        if outcome.kind is OutcomeKind.BLOCKED:
            self._ended, self._stop = True, outcome
        if pdu.status in THROTTLED:
            self._slow_down()
        elif outcome.kind is OutcomeKind.ACCEPTED:
            self._pause, self._room = 0.0, self._window
        if self._pausing is None:
            self._go_on()

    def _slow_down(self) -> None:
        self._room = 1
        if self._pausing is None:
            self._pause = min(max(FIRST_PAUSE_SECONDS, 2 * self._pause), LONGEST_PAUSE_SECONDS)
            self._pausing = asyncio.get_running_loop().call_later(self._pause, self._go_on)

    def _lose(self, reason: str) -> None:
        lost, self._under_way = self._under_way, {}
        self._ended = True
        kind = OutcomeKind.DOUBTFUL if lost else OutcomeKind.UNSENT
        self._stop = Outcome(kind, 0, reason, Stage.DOT)
        for message in lost.values():
            self._hooks.on_outcome(message.ordinal, self._stop)
        self._finish_if_through()

    def _abandon(self, surprise: Exception) -> None:
        self._link.drop(f"stopped by {type(surprise).__name__}")
        if not self._done.done():
            self._done.set_exception(surprise)

    def _finish_if_through(self) -> None:
        if self._ended and not self._under_way and not self._done.done():
            self._done.set_result(self._stop)
