"""One worker's line to a relay: connects when there is something to send, reconnects when that helps, keeps the
connection warm.
"""

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from services.dispatcher.channels.interface import Hooks, Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.channels.smtp.connection import Connection, Timers
from services.dispatcher.channels.smtp.handshake import Introduction, open_connection
from services.dispatcher.channels.smtp.pipeline import Transfer
from services.dispatcher.channels.smtp.relay_address import RelayAddress
from services.dispatcher.channels.smtp.reply_slots import ReplySlot, ReplySlots
from services.dispatcher.channels.smtp.wire import report_wish
from shared.runtime import tracing


@dataclass(frozen=True, slots=True)
class SessionSettings:
    our_name: str = "localhost"  #: what EHLO says; a public relay wants the name our address resolves to
    messages_per_connection: int = 100  #: then a fresh one: providers cut off after some number
    success_reports: bool = False  #: whether the relay is asked to report successes too, if it offers reports
    idle_seconds: float = 60.0  #: an unused connection is closed after this, before the peer does it
    timers: Timers = field(default_factory=Timers)


class SmtpSession:
    """A Channel over one connection at a time. One ``send_all`` runs at a time.

    A message whose connection is lost before its dot is sent over a fresh one, if the lost one had brought at least one
    message to its end; otherwise it is reported unsent and sending stops, since the next connection would hardly fare
    better.
    """

    def __init__(
        self,
        relay: RelayAddress,
        settings: SessionSettings | None = None,
        verified_tls: ssl.SSLContext | None = None,
        slots: ReplySlots | None = None,
    ) -> None:
        """``slots``: where its replies are to outlive the process."""
        self._settings = settings or SessionSettings()
        self._way = Introduction(
            relay,
            self._settings.our_name,
            self._settings.timers,
            verified_tls or _verified_tls(relay),
            _unverified_tls(),
        )
        self._slots = slots
        self._slot: ReplySlot | None = None  #: ours while there may be a connection
        self._connection: Connection | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def send_all(self, messages: Iterable[Outgoing], hooks: Hooks) -> Outcome | None:
        """See ``Channel.send_all``."""
        self._keep_awake()
        try:
            with tracing.span("smtp"):
                return await self._send(_Supply(messages), hooks)
        finally:
            self._idle = asyncio.get_running_loop().call_later(self._settings.idle_seconds, self._close_idle)

    async def _send(self, supply: "_Supply", hooks: Hooks) -> Outcome | None:
        timers, most, stepwise = self._settings.timers, self._settings.messages_per_connection, False
        while True:
            # Before a message is taken: opening may take long, and whether it may still go is asked when it is taken.
            connection = await self._connected(supply, hooks)
            if isinstance(connection, Outcome):
                return connection
            if supply.has_returned and not hooks.may_begin_again():
                held_back = Outcome(OutcomeKind.UNSENT, 0, "not to be begun again", Stage.CONNECT)
                supply.give_up(hooks, held_back)
                return held_back
            if not supply.has_more():
                return None
            reports = report_wish(connection.extensions, self._settings.success_reports)
            transfer = Transfer(connection, supply, hooks, timers=timers, most=most, stepwise=stepwise, reports=reports)
            end = await transfer.run()
            if end.stop is not None:
                return end.stop
            if end.unsent is not None:
                supply.put_back(end.unsent)
            stepwise = end.stepwise

    async def close(self) -> None:
        self._keep_awake()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.quit()
        slot, self._slot = self._slot, None
        if self._slots is not None and slot is not None:
            self._slots.give_back(slot)

    async def _connected(self, supply: "_Supply", hooks: Hooks) -> Connection | Outcome:
        """A connection with room for another message. If there is none, the message that waits for it is told so."""
        used_up = self._settings.messages_per_connection
        if self._connection is not None and (self._connection.taken >= used_up or not self._connection.is_at_rest):
            self._connection.quit()
        if self._connection is None or self._connection.gone is not None:
            self._connection = None
            try:
                opened = await open_connection(self._way, self._own_slot())
            except asyncio.CancelledError:
                supply.give_up(hooks, Outcome(OutcomeKind.UNSENT, 0, "sending was cancelled", Stage.CONNECT))
                raise
            if isinstance(opened, Outcome):
                supply.give_up(hooks, opened)
                return opened
            opened.be_witnessed()
            self._connection = opened
        return self._connection

    def _own_slot(self) -> ReplySlot:
        """Also after ``close``: whoever gives up its connection for a while sends on with another."""
        if self._slot is None:
            self._slot = ReplySlot() if self._slots is None else self._slots.take()
        return self._slot

    def _keep_awake(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _close_idle(self) -> None:
        if self._connection is not None:
            self._connection.quit()
            self._connection = None


class _Supply(Iterator[Outgoing]):
    """The caller's messages, with room to put one back."""

    def __init__(self, messages: Iterable[Outgoing]) -> None:
        self._messages = iter(messages)
        self._returned: Outgoing | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Outgoing:
        if self._returned is not None:
            message, self._returned = self._returned, None
            return message
        return next(self._messages)

    @property
    def has_returned(self) -> bool:
        """Before ``has_more``: whether one was put back."""
        return self._returned is not None

    def put_back(self, message: Outgoing) -> None:
        self._returned = message

    def has_more(self) -> bool:
        if self._returned is None:
            self._returned = next(self._messages, None)
        return self._returned is not None

    def give_up(self, hooks: Hooks, outcome: Outcome) -> None:
        if self._returned is not None:
            message, self._returned = self._returned, None
            hooks.on_outcome(message.ordinal, outcome)


def _verified_tls(relay: RelayAddress) -> ssl.SSLContext:
    # Loading the system's certificates takes longer than a connection: only for those who use them.
    return ssl.create_default_context() if relay.tls_from_start or relay.starttls == "require" else _unverified_tls()


def _unverified_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
