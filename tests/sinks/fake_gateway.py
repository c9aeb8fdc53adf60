"""An SMS gateway whose every answer can be scripted, with a ledger of what it took.

The script is asked when a connection comes and when the last byte of a request is there; None is what a good gateway
does: 202, and the connection is kept. So a fault is one line:

    FakeGateway(lambda step: DROP if step.stage == "request" and step.request == 3 else None)
"""

import asyncio
import contextlib
import json
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from tests.sinks.fake_relay import Action, After, End, Hang, Say


@dataclass(frozen=True)
class Step:
    """What the gateway is about to answer; ``sms`` is the body of a request."""

    stage: Literal["connect", "request"]
    connection: int  #: from 1
    request: int  #: how many requests this gateway has read, this one with it
    sms: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    connection: int
    line: str
    headers: dict[str, str]
    sms: dict[str, Any]


Script = Callable[[Step], Action | None]


def answer(status: int, body: str = "", *headers: str) -> Say:
    """``headers``: whole lines."""
    octets = body.encode()
    lines = [f"HTTP/1.1 {status} Said So", "Content-Type: text/plain", f"Content-Length: {len(octets)}", *headers]
    return Say("\r\n".join([*lines, "", ""]).encode() + octets)


@dataclass
class FakeGateway:
    """``async with FakeGateway(script) as gateway``: listens on ``gateway.port`` of the loopback."""

    script: Script = lambda step: None
    tls: ssl.SSLContext | None = None
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)  #: what it took
    connections: int = 0
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/send"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def copies(self) -> Counter[str]:
        """How often it took the message of each id."""
        return Counter(sms["id"] for sms in self.ledger)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            with contextlib.suppress(
                ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError
            ):
                await self._talk(self.connections, reader, writer)
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        action = self.script(Step("connect", connection, len(self.requests)))
        going = True if action is None else await self._do(action, writer)
        while going:
            request = await self._read(connection, reader)
            self.requests.append(request)
            action = self.script(Step("request", connection, len(self.requests), request.sms)) or answer(202)
            if _takes(action):
                self.ledger.append(request.sms)
            going = await self._do(action, writer)

    async def _read(self, connection: int, reader: asyncio.StreamReader) -> Request:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        return Request(connection, line, headers, json.loads(body))

    async def _do(self, action: Action, writer: asyncio.StreamWriter) -> bool:
        """False: the connection has ended."""
        match action:
            case Say(octets):
                writer.write(octets)
                await writer.drain()
            case After(seconds, then):
                await asyncio.sleep(seconds)
                return await self._do(then, writer)
            case Hang():
                await asyncio.Event().wait()
            case End(reset, _, say):
                writer.write(say)
                if reset:
                    writer.transport.abort()
                return False
        return True


def _takes(action: Action) -> bool:
    match action:
        case Say(octets):
            return octets.startswith(b"HTTP/1.1 2")
        case After(_, then):
            return _takes(then)
        case End(_, took, _):
            return took
        case _:
            return False
