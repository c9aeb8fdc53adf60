"""An SMTP server whose every answer can be scripted, with a ledger of what it took.

The script is asked at each stage and says what to do; None is what a good server does. So a fault is one line:

    FakeRelay(lambda step: DROP if step.stage == "dot" and step.message == 3 else None)
"""

import asyncio
import contextlib
import re
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Literal, Self

StageName = Literal[
    "connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "content", "dot", "rset", "quit", "unknown"
]


@dataclass(frozen=True)
class Step:
    """What the server is about to answer."""

    stage: StageName
    connection: int  #: from 1
    message: int  #: how many MAIL commands this server has seen
    argument: bytes = b""  #: the line, or the content at its dot


@dataclass(frozen=True)
class Say:
    """Sends these octets as they are."""

    octets: bytes


@dataclass(frozen=True)
class Slowly:
    """Sends the octets one by one."""

    octets: bytes
    pause: float


@dataclass(frozen=True)
class After:
    """Waits, then does it."""

    seconds: float
    action: "Action"


@dataclass(frozen=True)
class End:
    """Ends the connection; at a dot, ``took`` says whether the message was taken before it."""

    reset: bool = False
    took: bool = False
    say: bytes = b""


@dataclass(frozen=True)
class Hang:
    """Never answers, and keeps the connection."""


Action = Say | Slowly | After | End | Hang
Script = Callable[[Step], Action | None]

DROP = End()
RESET = End(reset=True)


@dataclass(frozen=True)
class Taken:
    """One message in the ledger."""

    connection: int
    sender: bytes
    recipients: tuple[bytes, ...]
    content: bytes  #: dots unstuffed

    @property
    def message_id(self) -> str:
        found = re.search(rb"^Message-ID: (.*?)\r$", self.content, re.MULTILINE | re.IGNORECASE)
        return found[1].decode() if found else ""


@dataclass
class FakeRelay:
    """``async with FakeRelay(script) as relay``: listens on ``relay.port`` of the loopback."""

    script: Script = lambda step: None
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    tls_from_start: bool = False
    port: int = 0
    ledger: list[Taken] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    pipelined: int = 0  #: commands that came before the one in front of them was answered
    connections: int = 0
    messages: int = 0  #: MAIL commands
    clear_commands: list[bytes] = field(default_factory=list)  #: those that came without TLS
    open_connections: set["_Conversation"] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        context = self.tls if self.tls_from_start else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = [conversation.task for conversation in self.open_connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    def recipients(self) -> list[str]:
        return [recipient.decode() for taken in self.ledger for recipient in taken.recipients]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        conversation = _Conversation(self, self.connections, reader, writer, task)
        self.open_connections.add(conversation)
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError, _Over, asyncio.CancelledError):
                await conversation.hold()
        finally:
            self.open_connections.discard(conversation)
            writer.close()


class _Over(Exception):
    """The conversation has ended."""


class _Conversation:
    def __init__(
        self,
        relay: FakeRelay,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        task: "asyncio.Task[None]",
    ) -> None:
        self.task = task
        self._relay = relay
        self._number = number
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._encrypted = relay.tls_from_start
        self._sender: bytes | None = None
        self._recipients: list[bytes] = []

    async def hold(self) -> None:
        await self._answer("connect", b"", b"220 fake ESMTP\r\n")
        while True:
            line = await self._line()
            self._relay.commands.append(line)
            if not self._encrypted:
                self._relay.clear_commands.append(line)
            self._relay.pipelined += bool(self._buffer)
            verb = line.split(b" ")[0].split(b":")[0].upper()
            await self._obey(verb, line)

    async def _obey(self, verb: bytes, line: bytes) -> None:
        match verb:
            case b"EHLO" | b"HELO":
                await self._answer("ehlo", line, self._hello())
            case b"STARTTLS":
                await self._start_tls(line)
            case b"AUTH":
                await self._answer("auth", line, b"235 2.7.0 welcome\r\n")
            case b"MAIL" | b"RCPT":
                await self._envelope(verb, line)
            case b"DATA":
                await self._data(line)
            case b"RSET":
                self._sender = None
                await self._answer("rset", line, b"250 2.0.0 ok\r\n")
            case b"QUIT":
                await self._answer("quit", line, b"221 2.0.0 bye\r\n")
                raise _Over
            case _:
                await self._answer("unknown", line, b"500 5.5.2 what?\r\n")

    async def _envelope(self, verb: bytes, line: bytes) -> None:
        address = line[line.index(b"<") + 1 : line.index(b">")]
        if verb == b"MAIL":
            self._relay.messages += 1
            if await self._answer("mail", line, b"250 2.1.0 ok\r\n"):
                self._sender, self._recipients = address, []
            return
        good = b"503 5.5.1 MAIL first\r\n" if self._sender is None else b"250 2.1.5 ok\r\n"
        if await self._answer("rcpt", line, good):
            self._recipients.append(address)

    async def _data(self, line: bytes) -> None:
        good = b"354 go ahead\r\n" if self._recipients else b"554 5.5.1 no valid recipients\r\n"
        if not await self._answer("data", line, good, wanted=b"3"):
            return
        content = await self._content()
        step = self._step("dot", content)
        action = self._relay.script(step)
        taken = Taken(self._number, self._sender or b"", tuple(self._recipients), content)
        accepted = bool(self._recipients) and (
            action is None or (isinstance(action, End) and action.took) or _says(action, b"2")
        )
        self._sender, self._recipients = None, []
        if accepted:
            self._relay.ledger.append(taken)
        await self._do(action or Say(b"250 2.0.0 queued\r\n" if accepted else b"554 5.5.1 no valid recipients\r\n"))

    async def _content(self) -> bytes:
        lines: list[bytes] = []
        while (line := await self._line()) != b".":
            if not lines:
                action = self._relay.script(self._step("content", line))
                if action is not None:
                    await self._do(action)
            lines.append(line.removeprefix(b"."))
        return b"".join(line + b"\r\n" for line in lines)

    async def _start_tls(self, line: bytes) -> None:
        if not await self._answer("starttls", line, b"220 2.0.0 go on\r\n"):
            return
        assert self._relay.tls is not None
        await self._writer.start_tls(self._relay.tls)
        self._encrypted = True

    def _hello(self) -> bytes:
        offers = [name for name in self._relay.extensions if name != "STARTTLS" or not self._encrypted]
        lines = ["fake greets you", *offers]
        marks = ["-"] * (len(lines) - 1) + [" "]
        return "".join(f"250{mark}{line}\r\n" for mark, line in zip(marks, lines, strict=True)).encode()

    def _step(self, stage: StageName, argument: bytes) -> Step:
        return Step(stage, self._number, self._relay.messages, argument)

    async def _answer(self, stage: StageName, line: bytes, good: bytes, wanted: bytes = b"2") -> bool:
        """True if the answer given begins with ``wanted``."""
        action = self._relay.script(self._step(stage, line)) or Say(good)
        await self._do(action)
        return _says(action, wanted)

    async def _do(self, action: Action) -> None:
        match action:
            case Say(octets):
                self._writer.write(octets)
                await self._writer.drain()
            case Slowly(octets, pause):
                for octet in octets:
                    self._writer.write(bytes([octet]))
                    await asyncio.sleep(pause)
            case After(seconds, then):
                await asyncio.sleep(seconds)
                await self._do(then)
            case Hang():
                await asyncio.Event().wait()
            case End(reset, _, say):
                self._writer.write(say)
                if reset:
                    linger = struct.pack("ii", 1, 0)
                    self._writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
                    self._writer.transport.abort()
                raise _Over

    async def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            data = await self._reader.read(65_536)
            if not data:
                raise _Over
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _says(action: Action | None, beginning: bytes) -> bool:
    match action:
        case Say(octets) | Slowly(octets, _):
            return octets.startswith(beginning)
        case After(_, then):
            return _says(then, beginning)
        case _:
            return False
