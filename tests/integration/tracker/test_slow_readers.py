"""The tracker is open to the world: whoever is slow on purpose holds nothing of it."""

import asyncio
from urllib.parse import urlsplit

import pytest

from services.tracker import site
from shared.domain.tokens import TokenKind
from shared.runtime.listener import Connection
from tests.integration.tracker.readers import Reader

SECONDS = 20.0


async def answer_to(reader: Reader, begun: bytes) -> bytes:
    """What is said to a request that is begun and then goes on a byte at a time."""
    at = urlsplit(reader.tracker.url)
    read, write = await asyncio.open_connection(at.hostname, at.port)
    write.write(begun)
    answer = asyncio.create_task(read.read(65_536))
    async with asyncio.timeout(SECONDS):
        while not answer.done():
            if not write.transport.is_closing():
                write.write(b"x")
            await asyncio.wait([answer], timeout=0.02)
    write.transport.abort()
    return b"" if isinstance(answer.exception(), ConnectionError) else answer.result()


async def test_headers_that_never_end_are_not_waited_for(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred at a time; readers get their pixels meanwhile."""
    monkeypatch.setattr(Connection, "first_request_seconds", 0.5)
    path = urlsplit(reader.url(TokenKind.OPEN, 1)).path
    slow = [asyncio.create_task(answer_to(reader, f"GET {path} HTTP/1.1\r\nX: ".encode())) for _ in range(100)]

    assert await reader.open(2) == 200
    assert {*await asyncio.gather(*slow)} == {b""}


async def test_a_wish_that_comes_too_slowly_is_a_408(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "REQUEST_SECONDS", 0.3)
    path = urlsplit(reader.url(TokenKind.UNSUBSCRIBE, 1)).path
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n"

    answer = await answer_to(reader, f"POST {path} HTTP/1.1\r\nHost: x\r\n{form}\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert await reader.unsubscribe(1) == 200


async def test_connections_are_counted(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """One beyond the most is closed at once, and room is there again when others leave."""
    monkeypatch.setattr(Connection, "most_connections", 3)
    at = urlsplit(reader.tracker.url)
    opened = [await asyncio.open_connection(at.hostname, at.port) for _ in range(3)]
    opened.append(await asyncio.open_connection(at.hostname, at.port))
    async with asyncio.timeout(SECONDS):
        assert await opened[-1][0].read() == b""
    for _, write in opened:
        write.close()
        await write.wait_closed()
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                assert await reader.open(1) == 200
                break
            except OSError:
                await asyncio.sleep(0.05)
