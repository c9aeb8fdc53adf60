"""What sending relies on, on the loop that the dispatcher runs on: the other tests may run on another."""

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TypeVar

import pytest

from services.dispatcher.channels.smtp.connection import Connection, Timers
from services.standalone.command_line import _run
from shared.runtime.event_loop import run_to_end, sending_loop

SECONDS = 20.0
LARGE = 16 * 1024 * 1024  #: octets: more than any kernel takes at once

Result = TypeVar("Result")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(SECONDS)
        yield server


def on_our_loop(work: Callable[[], Coroutine[None, None, Result]]) -> Result:
    """In a thread of its own, since the tests have a loop already."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(lambda: run_to_end(work(), sends=True)).result(2 * SECONDS)


async def dialled(server: socket.socket) -> tuple[Connection, socket.socket]:
    connection = Connection(Timers())
    host, port = server.getsockname()
    await connection.dial(host, port, None)
    peer, _ = server.accept()
    peer.settimeout(SECONDS)
    return connection, peer


def read_up_to(peer: socket.socket, most: int) -> int:
    """How many octets there were until its end, or so many."""
    read = 0
    with suppress(ConnectionResetError):
        while read < most and (some := peer.recv(1 << 20)):
            read += len(some)
    return read


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("sends", "loop"), [(True, "uvloop"), (False, "asyncio")], ids=["sends", "answers"])
def test_what_sends_runs_on_uvloop_and_what_answers_on_asyncio(*, sends: bool, loop: str) -> None:
    """Linux and macOS: where the tests run, and where it has wheels."""
    seen: list[str] = []

    async def look() -> None:
        seen.append(type(asyncio.get_running_loop()).__module__.partition(".")[0])

    with ThreadPoolExecutor(1) as one:
        assert one.submit(lambda: _run(look(), sends=sends)).result(SECONDS) == 0
    assert seen == [loop]


def test_without_uvloop_it_is_the_loop_of_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it has no wheel nothing else changes."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert sending_loop() is None


def test_what_is_written_leaves_before_the_loop_turns(listening: socket.socket) -> None:
    """A lease is looked at right before the write that holds the dot: nothing may lie between them."""

    async def write() -> bytes:
        connection, peer = await dialled(listening)
        with closing(peer):
            connection.write(b"content\r\n.\r\n")
            found = peer.recv(100)  # blocks this thread, and with it the loop
            connection.drop("seen")
        return found

    assert on_our_loop(write) == b"content\r\n.\r\n"


def test_content_that_cannot_leave_is_told_and_so_is_its_end(listening: socket.socket) -> None:
    """The dot of a large content waits until all of it has left for the kernel."""

    async def write() -> tuple[bool, int, bool]:
        connection, peer = await dialled(listening)
        connection.write(bytes(LARGE))
        at_first = connection.is_drained
        reading = asyncio.create_task(asyncio.to_thread(read_up_to, peer, LARGE))
        await until(lambda: connection.is_drained)
        read = await reading
        connection.drop("seen")
        peer.close()
        return at_first, read, connection.is_drained

    assert on_our_loop(write) == (False, LARGE, True)


@pytest.mark.parametrize("linger", [False, True], ids=["closed", "reset"])
def test_a_peer_that_goes_is_noticed(listening: socket.socket, *, linger: bool) -> None:
    """By a FIN or by a reset."""

    async def lose() -> str | None:
        connection, peer = await dialled(listening)
        if linger:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        peer.close()
        await until(lambda: connection.gone is not None)
        return connection.gone

    gone = on_our_loop(lose)
    assert gone is not None
    assert "relay closed" in gone or "lost" in gone


def test_what_is_dropped_says_nothing_more(listening: socket.socket) -> None:
    """What had not left by then never does."""

    async def drop() -> int:
        connection, peer = await dialled(listening)
        connection.write(bytes(LARGE))
        connection.drop("enough")
        with closing(peer):
            return await asyncio.to_thread(read_up_to, peer, LARGE)

    assert on_our_loop(drop) < LARGE
