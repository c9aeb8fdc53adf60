"""A relay that takes everything and remembers which message it took how often. Fast: it reads no more than it must."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

_ANSWERS = {b"MAIL": b"250 ok\r\n", b"RCPT": b"250 ok\r\n", b"DATA": b"354 go on\r\n", b"RSET": b"250 ok\r\n"}


@dataclass(slots=True)
class CountingRelay:
    """``taken``: how often each Message-ID was answered with 250. ``seconds_each``: what one message takes it.
    ``begun``: when each MAIL FROM came (unix seconds), and the sender it named. ``altered``: Message-IDs of which two
    copies differ in sender or Date.
    """

    seconds_each: float = 0.0
    taken: "Counter[bytes]" = field(default_factory=Counter)
    begun: list[tuple[float, bytes]] = field(default_factory=list)
    altered: set[bytes] = field(default_factory=set)
    _marks: dict[bytes, int] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _talks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}?starttls=none"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other end was killed
        finally:
            writer.close()
            self._talks.discard(talk)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 counting.example\r\n")
        sender = b""
        while True:
            line = await reader.readuntil(b"\r\n")
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-counting.example\r\n250 PIPELINING\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(_ANSWERS.get(verb, b"502 what\r\n"))
            if verb == b"MAIL":
                sender = _between(line, b"<", b">")
                self.begun.append((time.time(), sender))
            if verb == b"DATA":
                await self._take(reader, writer, sender)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: bytes) -> None:
        content = await reader.readuntil(b"\r\n.\r\n")
        if self.seconds_each:
            await asyncio.sleep(self.seconds_each)
        message_id, date = _between(content, b"\r\nMessage-ID: <", b">"), _between(content, b"\r\nDate: ", b"\r\n")
        mark = hash((sender, date))
        if self._marks.setdefault(message_id, mark) != mark:
            self.altered.add(message_id)
        self.taken[message_id] += 1
        writer.write(b"250 taken\r\n")


def _between(octets: bytes, before: bytes, after: bytes) -> bytes:
    start = octets.index(before) + len(before)
    return octets[start : octets.index(after, start)]
