"""A TCP proxy that can go silent, slow or away: the network between a client and its server."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urlsplit

#: ``up``: what the client says to the server.
Direction = Literal["up", "down"]

PIECE: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)  # linger for no time: what is closed is reset


@dataclass(eq=False)
class Pair:
    """A client's connection and ours to the server for it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    silent: bool = False  #: nothing passes any more, and nobody is told


@dataclass
class Way:
    """What may happen to the octets of one direction."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    delay: float = 0.0  #: seconds before each piece
    piece: int = PIECE  #: octets that pass at once

    def __post_init__(self) -> None:
        self.open.set()


class TcpProxy:
    """Speaks for the server of `url`; its own URL differs from that one in the port alone."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._target = (self._parts.hostname, self._parts.port)
        self._ways: dict[Direction, Way] = {"up": Way(), "down": Way()}
        self._pairs: set[Pair] = set()
        self._left: int | None = None  #: octets that pass before all is cut; None: no end
        self._port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._parts.port is not None
        return self._parts.geturl().replace(f":{self._parts.port}", f":{self._port}")

    async def open(self) -> None:
        """Again on the same port, after `shut`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Cuts every connection and refuses new ones."""
        assert self._server is not None
        self._server.close()
        for pair in self._pairs:
            for writer in (pair.near, pair.far):
                writer.transport.abort()
        await self._server.wait_closed()

    def reset(self) -> int:
        """RST to both ends of every connection of now; answers how many there were."""
        for pair in self._pairs:
            for writer in (pair.near, pair.far):
                _reset(writer)
        return len(self._pairs)

    def half_open(self) -> int:
        """The server's ends are closed and the clients are never told; new connections work."""
        for pair in self._pairs:
            pair.silent = True
            pair.far.transport.abort()
        return len(self._pairs)

    def cut_after(self, octets: int) -> None:
        """So many more pass, whatever the direction; then everybody who is connected is reset, once."""
        self._left = octets

    @contextmanager
    def frozen(self, *directions: Direction) -> Iterator[None]:
        """Passes nothing on, in these directions or both, and tells nobody; new connections are taken."""
        ways = [self._ways[direction] for direction in directions or ("up", "down")]
        for way in ways:
            way.open.clear()
        try:
            yield
        finally:
            for way in ways:
                way.open.set()

    @contextmanager
    def slow(self, delay: float, piece: int = PIECE) -> Iterator[None]:
        """``delay`` seconds before each ``piece`` of octets, both ways: a long line, a thin one, or a drip."""
        for way in self._ways.values():
            way.delay, way.piece = delay, piece
        try:
            yield
        finally:
            for way in self._ways.values():
                way.delay, way.piece = 0.0, PIECE

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.shut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        pair = Pair(writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pass_on(reader, far_writer, pair, "up"), self._pass_on(far_reader, writer, pair, "down")
            )
        except OSError:
            pass  # one side is gone: so is the other
        finally:
            self._pairs.discard(pair)
            for either in (pair.near, pair.far):
                either.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: Pair, direction: Direction
    ) -> None:
        way = self._ways[direction]
        while data := await self._read(reader, way, pair):
            await way.open.wait()
            if way.delay:
                await asyncio.sleep(way.delay)
            if pair.silent:
                continue
            writer.write(self._within_limit(data))
            await writer.drain()
            if self._left == 0:
                self._left = None
                self.reset()
        if not pair.silent or direction == "up":
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, way: Way, pair: Pair) -> bytes:
        """Nothing: it ended. What a server says that a client is never to hear of is no end to him."""
        try:
            return await reader.read(way.piece)
        except OSError:
            if pair.silent:
                return b""
            raise

    def _within_limit(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        data = data[: self._left]
        self._left -= len(data)
        return data


def _reset(writer: asyncio.StreamWriter) -> None:
    taken: socket.socket | None = writer.get_extra_info("socket")
    if taken is not None and taken.fileno() >= 0:  # else it was closed in this turn of the loop
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
