"""Whoever asks, sends or reads too slowly holds no connection, no memory and no place of others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import orjson
import pytest
from structlog.testing import capture_logs

from services.api import read_request
from services.api.serve import MOST_LARGE, SMALL_BODY
from shared.postgres.database import Database
from shared.runtime.listener import Connection
from tests.integration.api.conftest import Client, Clients, count_events

SECONDS = 20.0  #: by when a server that cuts after parts of a second has done so


@asynccontextmanager
async def connected(client: Client) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    at = urlsplit(client.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(client: Client, line: str, *headers: str) -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {client.key}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n"


async def drip(writer: asyncio.StreamWriter, text: bytes, pause: float = 0.02) -> None:
    """A byte at a time, until the other side has had enough."""
    try:
        for byte in text:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)
    except ConnectionError:
        pass


async def test_a_header_that_never_ends_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowloris: a hundred connections that send a byte now and then are closed, and others served meanwhile."""
    monkeypatch.setattr(Connection, "first_request_seconds", 0.5)

    async def dawdle() -> bytes:
        async with connected(client) as (reader, writer):
            dripping = asyncio.create_task(drip(writer, head(client, "GET /list", "X-Long: " + "x" * 5000)))
            try:
                async with asyncio.timeout(SECONDS):
                    answer = await reader.read()
            except ConnectionError:  # it was cut while a byte was on its way
                answer = b""
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
            return answer

    slow = [asyncio.create_task(dawdle()) for _ in range(100)]
    assert (await client.get("/list")).status == 200
    assert {*await asyncio.gather(*slow)} == {b""}


async def test_a_body_that_comes_too_slowly_is_a_408_and_leaves_nothing(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_request, "BODY_SECONDS", 0.3)
    before = await count_events(database)
    async with connected(client) as (reader, writer):
        writer.write(head(client, "POST /list", "Content-Type: application/json", "Content-Length: 500") + b"\r\n")
        dripping = asyncio.create_task(drip(writer, b'{"name": "' + b"x" * 400))
        async with asyncio.timeout(SECONDS):
            answer = await reader.readline()
        dripping.cancel()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert await count_events(database) == before


async def test_an_answer_that_nobody_reads_is_not_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of many records, of which the first bytes are taken and then no more: the connection is cut."""
    monkeypatch.setattr(Connection, "stalled_seconds", 0.3)
    people = [{"email": f"p{number}@x.org", "vars": {"text": "x" * 3000}} for number in range(1500)]
    list_id = (await client.post("/list", {"name": "long"})).json["id"]
    assert (await client.post(f"/list/{list_id}/subscriber", orjson.dumps(people))).status == 200
    with capture_logs() as lines:
        async with connected(client) as (reader, writer):
            for _ in range(8):  # more than the sockets of both sides hold
                writer.write(head(client, f"GET /list/{list_id}/subscriber?count=1000") + b"\r\n")
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            async with asyncio.timeout(SECONDS):
                while "connection_stalled" not in {line.get("action") for line in lines}:
                    await asyncio.sleep(0.05)
            assert len(await reader.read()) < 8 * 1000 * 3000

    assert (await client.get("/list")).status == 200


async def test_slow_uploads_of_one_account_leave_room_for_those_of_others(
    client: Client, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than there are places, none of which ends: another's large body and one's own small ones are taken."""
    monkeypatch.setattr(read_request, "BODY_SECONDS", 60.0)
    other = await clients.make(account="other", user="olga")
    own = (await client.post("/list", {"name": "mine"})).json["id"]
    theirs = (await other.post("/list", {"name": "theirs"})).json["id"]
    large = orjson.dumps([{"email": "a@b.co", "vars": {"text": "x" * (SMALL_BODY + 1)}}])
    said = ("Content-Type: application/json", f"Content-Length: {len(large)}")
    line = head(client, f"POST /list/{own}/subscriber", *said)
    opened = [connected(client) for _ in range(MOST_LARGE * 2)]
    try:
        for each in opened:
            _, writer = await each.__aenter__()
            writer.write(line + b"\r\n" + large[:1000])
            await writer.drain()
        async with asyncio.timeout(SECONDS):
            assert (await client.post("/list", {"name": "small"})).status == 201
            assert (await other.post(f"/list/{theirs}/subscriber", large)).status == 200
    finally:
        for each in opened:
            await each.__aexit__(None, None, None)
