"""One TCP connection to a relay: octets out, whole replies in, and a deadline for each."""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from services.dispatcher.channels.interface import Stage
from services.dispatcher.channels.smtp.replies import NotSmtp, Reply, ReplyReader
from services.dispatcher.channels.smtp.reply_slots import ReplySlot


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds for each step (RFC 5321 4.5.3.2); there is no timer over the whole of a message.

    An overrun is noticed at most a tenth of the shortest of them late.
    """

    connect: float = 30.0
    tls: float = 60.0
    greeting: float = 300.0
    ehlo: float = 300.0
    auth: float = 300.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0  #: without any progress while content is written
    dot: float = 600.0  #: shorter means sending twice what was taken the first time

    @property
    def tick(self) -> float:
        shortest = min(
            self.tls, self.greeting, self.ehlo, self.auth, self.mail, self.rcpt, self.data, self.block, self.dot
        )
        return min(max(shortest / 10, 0.01), 1.0)

    def by_stage(self) -> dict[Stage, float]:
        """For the replies to the commands of a message."""
        return {Stage.MAIL: self.mail, Stage.RCPT: self.rcpt, Stage.DATA: self.data, Stage.DOT: self.dot}


class ConnectionGone(Exception):
    """The connection ended; the text says how."""


class Receiver(Protocol):
    """Who is told what happens on a connection, while somebody is."""

    def on_replies(self, replies: Sequence[Reply]) -> None:
        """At least one, and all that came together. Those that come behind the one that ends it are nobody's."""
        ...

    def on_drained(self) -> None:
        """All that was written has left."""
        ...

    def on_gone(self, reason: str) -> None:
        """Once; nothing follows."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Replies go to ``receiver`` if there is one; else they are kept for ``read_reply``. What they are made of is
    received in ``slot``, which has no other connection while this one lasts.
    """

    def __init__(self, timers: Timers, slot: ReplySlot | None = None) -> None:
        self.receiver: Receiver | None = None
        self.extensions: frozenset[str] = frozenset()  #: EHLO keywords, upper case
        self.auth_mechanisms: frozenset[str] = frozenset()
        self.taken = 0  #: messages whose envelope was begun here
        self.answered = 0  #: messages the relay gave its verdict on
        self.gone: str | None = "never connected"  #: why it ended; None while it lasts
        self._timers = timers
        self._slot = slot or ReplySlot()
        self._reader = ReplyReader()
        self._kept: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._deadline: tuple[float, str] | None = None
        self._undrained = 0  #: octets left at the last look, while it is waited for them to leave
        self._drained = True

    async def dial(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Raises OSError (ssl.SSLError and TimeoutError are such)."""
        loop = asyncio.get_running_loop()
        handshake = self._timers.tls if tls else None
        async with asyncio.timeout(self._timers.connect + (handshake or 0.0)):
            await loop.create_connection(
                lambda: self,
                host,
                port,
                ssl=tls,
                ssl_handshake_timeout=handshake,
                server_hostname=host if tls else None,
            )

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Raises OSError, or NotSmtp if the server had spoken on in clear: that must not pass for what it says under
        TLS.
        """
        if self.gone is not None:
            raise ConnectionResetError(self.gone)
        if not self.is_at_rest:
            raise NotSmtp("data in clear after STARTTLS was answered")
        transport = await self._loop.start_tls(
            self._transport, self, context, server_hostname=host, ssl_handshake_timeout=self._timers.tls
        )
        if transport is None:
            raise ConnectionResetError("the connection was lost in the TLS handshake")
        self._attach(transport)

    def write(self, octets: bytes) -> None:
        self._transport.write(octets)

    @property
    def is_at_rest(self) -> bool:
        """The relay has said nothing that was not read."""
        return not self._kept and self._reader.is_between_replies

    def be_witnessed(self) -> None:
        """From now on, where it goes in clear: under TLS nobody else could read on."""
        if self.gone is None and self._transport.get_extra_info("sslcontext") is None:
            self._slot.be_watched(self._transport.get_extra_info("socket").fileno())

    def name_dot(self, name: bytes) -> None:
        """Right before a dot leaves: the next octets are the beginning of the reply to it, which is found under
        ``name``. Where they are not for certain it has none.
        """
        self._slot.ask(name if self._reader.is_between_replies else b"")

    @property
    def is_drained(self) -> bool:
        """Everything written has left for the kernel."""
        return self._drained

    def expect(self, seconds: float, what: str) -> None:
        """From now on the next reply has this long."""
        self._deadline = (self._loop.time() + seconds, what)
        self._undrained = 0

    def expect_drain(self) -> None:
        """From now on what was written has to go on leaving; then ``on_drained`` is called."""
        self.expect(self._timers.block, "content")
        self._undrained = self._transport.get_write_buffer_size()

    def expect_nothing(self) -> None:
        self._deadline = None

    async def ask(self, command: bytes, seconds: float, what: str) -> Reply:
        """Raises ConnectionGone."""
        if self.gone is None:
            self.write(command + b"\r\n")
        return await self.read_reply(seconds, what)

    async def read_reply(self, seconds: float, what: str) -> Reply:
        """Raises ConnectionGone."""
        self.expect(seconds, what)
        while not self._kept:
            if self.gone is not None:
                raise ConnectionGone(self.gone)
            self._waiter = self._loop.create_future()
            await self._waiter
        self.expect_nothing()
        return self._kept.popleft()

    def drop(self, reason: str) -> None:
        """Ends it at once; what was not read or written yet is lost."""
        if self.gone is None:
            self._transport.abort()
            self._end(reason)

    def quit(self) -> None:
        """Takes leave. The answer is not waited for: nothing depends on it."""
        if self.gone is None:
            self.write(b"QUIT\r\n")
            self._end("we quit")
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self.gone = None
        self._slot.begin()
        self._attach(cast(asyncio.Transport, transport))
        self._ticker = self._loop.call_later(self._timers.tick, self._tick)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._slot.room

    def buffer_updated(self, nbytes: int) -> None:
        self._read(self._slot.took(nbytes))

    def _read(self, data: bytes) -> None:
        replies: list[Reply] = []
        fault = self._reader.feed(data, replies)
        if self.receiver is None:
            self._kept += replies
        elif replies:
            self.receiver.on_replies(replies)
        if fault is not None:
            self.drop(fault)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.gone is None:
            self._end(f"the connection was lost: {exc}" if exc else "the relay closed the connection")

    def pause_writing(self) -> None:
        self._drained = False

    def resume_writing(self) -> None:
        self._drained = True
        if self.receiver is not None:
            self.receiver.on_drained()

    def _attach(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=0)

    def _end(self, reason: str) -> None:
        self.gone = reason
        self._ticker.cancel()
        slot, self._slot = self._slot, ReplySlot()  # whatever is still read here must not stand in another one's place
        slot.end()
        self._wake()
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.on_gone(reason)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _tick(self) -> None:
        # One timer that looks now and then is cheaper than one set and cancelled with every reply.
        self._ticker = self._loop.call_later(self._timers.tick, self._tick)
        if self._undrained > self._transport.get_write_buffer_size():
            self.expect_drain()
        if self._deadline is not None and self._loop.time() > self._deadline[0]:
            self.drop(f"the relay took too long at {self._deadline[1]}")
