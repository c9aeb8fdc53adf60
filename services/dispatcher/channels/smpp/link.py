"""One TCP connection to an SMSC: units out, units in, a deadline for each answer, and a sign of life now and then."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.channels.smpp.pdu import RESPONSE, Command, NotSmpp, Pdu, PduReader, bind, encode
from services.dispatcher.channels.smpp.smpp_address import SmppAddress
from services.dispatcher.channels.smpp.statuses import outcome_of_bind

OnUnit = Callable[[Pdu], None]
OnDelivery = Callable[["SmppLink", Pdu], None]


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds for each step."""

    connect: float = 30.0
    answer: float = 60.0  #: to a submit_sm; shorter means more that nobody knows the fate of
    enquire: float = 30.0  #: of silence, after which we ask whether somebody is there
    tick: float = 0.5


class LinkGone(Exception):
    """The connection ended; the text says how."""


class SmppLink(asyncio.Protocol):
    """``on_gone`` is called once, when it ends. Numbers of units rise from 1 (section 3.2)."""

    def __init__(self, timers: Timers, on_delivery: OnDelivery | None = None) -> None:
        self.gone: str | None = "never connected"  #: why it ended; None while it lasts
        self.on_gone: Callable[[str], None] | None = None
        self._timers = timers
        self._on_delivery = on_delivery
        self._reader = PduReader()
        self._awaited: dict[int, tuple[float, OnUnit]] = {}
        self._asked: asyncio.Future[Pdu] | None = None
        self._sequence = 0
        self._heard_at = 0.0

    async def open(self, address: SmppAddress, command: Command, tls: ssl.SSLContext | None) -> Outcome | None:
        """Dials and binds; else why not."""
        try:
            async with asyncio.timeout(self._timers.connect):
                loop = asyncio.get_running_loop()
                host = address.host if tls else None
                await loop.create_connection(lambda: self, address.host, address.port, ssl=tls, server_hostname=host)
        except ssl.SSLError as fault:
            return Outcome(OutcomeKind.BLOCKED, 0, f"TLS failed: {fault}", Stage.TLS)
        except (OSError, TimeoutError) as fault:
            text = f"no connection to {address.host}:{address.port}: {str(fault) or 'not in time'}"
            return Outcome(OutcomeKind.UNSENT, 0, text, Stage.CONNECT)
        try:
            answer = await self._ask(lambda sequence: bind(command, address, sequence))
        except LinkGone as end:
            return Outcome(OutcomeKind.UNSENT, 0, str(end), Stage.AUTH)
        if answer.status or answer.command != command | RESPONSE:
            self.drop("the bind was refused")
            return outcome_of_bind(answer.status)
        return None

    def next_sequence(self) -> int:
        self._sequence = self._sequence % 0x7FFF_FFFF + 1
        return self._sequence

    def send(self, octets: bytes, sequence: int, on_answer: OnUnit) -> None:
        """In one write. The answer goes to ``on_answer``, unless the link is gone before it."""
        self._awaited[sequence] = (self._loop.time() + self._timers.answer, on_answer)
        self._transport.write(octets)

    def answer(self, pdu: Pdu, status: int = 0, body: bytes = b"") -> None:
        if self.gone is None:
            self._transport.write(encode(pdu.command | RESPONSE, pdu.sequence, body, status))

    def drop(self, reason: str) -> None:
        """Ends it at once."""
        if self.gone is None:
            self._transport.abort()
            self._end(reason)

    async def unbind(self) -> None:
        """Takes leave; the answer is waited for as long as an answer is."""
        if self.gone is None:
            try:
                await self._ask(lambda sequence: encode(Command.UNBIND, sequence))
            except LinkGone:
                return
            self.drop("we unbound")

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self.gone, self._heard_at = None, self._loop.time()
        self._ticker = self._loop.call_later(self._timers.tick, self._tick)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for pdu in self._reader.feed(data):
                self._take(pdu)
                if self.gone is not None:
                    return
        except NotSmpp as fault:
            self.drop(str(fault))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.gone is None:
            self._end(f"the connection was lost: {exc}" if exc else "the SMSC closed the connection")

    def _take(self, pdu: Pdu) -> None:
        if pdu.is_response:
            awaited = self._awaited.pop(pdu.sequence, None)
            if awaited is not None:
                awaited[1](pdu)
        elif pdu.command == Command.ENQUIRE_LINK:
            self.answer(pdu)
        elif pdu.command == Command.UNBIND:
            self.answer(pdu)
            self.drop("the SMSC unbound us")
        elif pdu.command == Command.DELIVER_SM and self._on_delivery is not None:
            self._on_delivery(self, pdu)
        else:
            self._transport.write(encode(Command.GENERIC_NACK, pdu.sequence, status=0x03))

    async def _ask(self, unit: Callable[[int], bytes]) -> Pdu:
        """Raises LinkGone."""
        if self.gone is not None:
            raise LinkGone(self.gone)
        self._asked = self._loop.create_future()
        sequence = self.next_sequence()
        self.send(unit(sequence), sequence, self._asked.set_result)
        return await self._asked

    def _tick(self) -> None:
        self._ticker = self._loop.call_later(self._timers.tick, self._tick)
        now = self._loop.time()
        if any(deadline < now for deadline, _ in self._awaited.values()):
            self.drop("the SMSC took too long to answer")
        elif now - self._heard_at > self._timers.enquire:
            self._heard_at = now
            sequence = self.next_sequence()
            self.send(encode(Command.ENQUIRE_LINK, sequence), sequence, lambda _: None)

    def _end(self, reason: str) -> None:
        self.gone = reason
        self._ticker.cancel()
        self._awaited.clear()
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(LinkGone(reason))
        on_gone, self.on_gone = self.on_gone, None
        if on_gone is not None:
            on_gone(reason)
