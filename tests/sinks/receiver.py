"""An HTTP listener on loopback that writes down every request as it came, and answers as it is told."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

HOST = "127.0.0.1"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def status(number: int, headers: str = "") -> bytes:
    return f"HTTP/1.1 {number} X\r\n{headers}Content-Length: 0\r\n\r\n".encode()


@dataclass(frozen=True)
class Request:
    line: str  #: the first one
    headers: dict[str, str]  #: by lower-case name
    body: bytes
    at: float  #: by the clock of the loop

    @property
    def fields(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)

    @property
    def people(self) -> list[str]:
        return [value for name, value in self.fields if name.startswith(("email[", "telephone["))]


#: The bytes of an answer; None: never answers.
Answering = Callable[[Request], Awaitable[bytes | None]]


async def always_ok(_: Request) -> bytes | None:
    return OK


@dataclass
class Moody:
    """Answers what it is told to, and may be told something else. ``None``: never."""

    answer: bytes | None = OK

    async def __call__(self, _: Request) -> bytes | None:
        return self.answer


@dataclass
class Receiver:
    """``connections``: how often somebody connected, whether or not he sent anything."""

    answering: Answering = always_ok
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self._open: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cuts whoever is connected, as a process that dies."""
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while True:
                request = await _read_request(reader)
                self.requests.append(request)
                answer = await self.answering(request)
                if answer is None:
                    await reader.read()
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            return
        finally:
            self._open.discard(task)
            writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(line, headers, body, asyncio.get_running_loop().time())
