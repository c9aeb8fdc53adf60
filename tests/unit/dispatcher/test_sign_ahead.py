"""Chunks are signed elsewhere while others are sent; whatever happens, a message is handed out once or not at all."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.sending.sign_ahead import CHUNK, SignedAhead


def outgoing(count: int, taken: list[int] | None = None) -> Iterator[Outgoing]:
    for ordinal in range(count):
        if taken is not None:
            taken.append(ordinal)
        yield Outgoing(ordinal, b"s", b"r", b"%d" % ordinal)


def stamp(content: bytes) -> bytes:
    return b"signed " + content


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


async def all_of(ahead: SignedAhead) -> list[Outgoing]:
    found: list[Outgoing] = []
    while await ahead.more():
        found += ahead.take()
    return found


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 3])
async def test_every_message_comes_once_signed_and_in_order(threads: ThreadPoolExecutor, count: int) -> None:
    found = await all_of(SignedAhead(outgoing(count), stamp, threads))

    assert [message.ordinal for message in found] == list(range(count))
    assert [message.content for message in found] == [b"signed %d" % ordinal for ordinal in range(count)]
    assert all((message.sender, message.recipient) == (b"s", b"r") for message in found)


async def test_nothing_is_signed_on_the_thread_of_the_loop(threads: ThreadPoolExecutor) -> None:
    where: set[int] = set()

    def sign(content: bytes) -> bytes:
        where.add(threading.get_ident())
        return content

    await all_of(SignedAhead(outgoing(3 * CHUNK), sign, threads))

    assert where
    assert threading.get_ident() not in where


async def test_it_is_a_chunk_ahead_and_no_more(threads: ThreadPoolExecutor) -> None:
    """Memory and what a cancel throws away stay small, however large the batch is."""
    taken: list[int] = []
    ahead = SignedAhead(outgoing(10 * CHUNK, taken), stamp, threads)
    assert await ahead.more()

    assert len(taken) == 2 * CHUNK
    assert len(list(islice(ahead.take(), 1))) == 1
    assert len(taken) == 2 * CHUNK
    ahead.give_up()


async def test_where_signing_is_behind_a_round_ends_and_the_next_waits(threads: ThreadPoolExecutor) -> None:
    allowed = threading.Semaphore(CHUNK)

    def sign(content: bytes) -> bytes:
        assert allowed.acquire(timeout=20)
        return content

    ahead = SignedAhead(outgoing(2 * CHUNK), sign, threads)
    assert await ahead.more()
    first = list(ahead.take())
    waiting = asyncio.ensure_future(ahead.more())
    await asyncio.sleep(0)
    assert not waiting.done()
    allowed.release(CHUNK)
    assert await waiting

    assert (len(first), len(list(ahead.take()))) == (CHUNK, CHUNK)
    assert not await ahead.more()


async def test_a_chunk_that_is_ready_goes_on_in_the_same_round(threads: ThreadPoolExecutor) -> None:
    """As long as keys keep up, a connection is sent the whole batch without a pause."""
    ahead = SignedAhead(outgoing(2 * CHUNK), stamp, threads)
    assert await ahead.more()
    async with asyncio.timeout(20):
        while ahead._signing is not None and not ahead._signing.done():
            await asyncio.sleep(0.001)

    assert len(list(ahead.take())) == 2 * CHUNK


async def fail_at(threads: ThreadPoolExecutor, ordinal: int) -> tuple[list[Outgoing], SignedAhead]:
    def sign(content: bytes) -> bytes:
        if content == b"%d" % ordinal:
            raise ValueError("no key")
        return content

    found: list[Outgoing] = []
    ahead = SignedAhead(outgoing(2 * CHUNK), sign, threads)
    while await ahead.more():
        found += ahead.take()
    return found, ahead


@pytest.mark.parametrize("ordinal", [3, CHUNK + 3])
async def test_what_goes_wrong_in_signing_is_raised_where_it_is_waited_for(
    threads: ThreadPoolExecutor, ordinal: int
) -> None:
    with pytest.raises(ValueError, match="no key"):
        await fail_at(threads, ordinal)


async def test_what_is_given_up_is_not_handed_out(threads: ThreadPoolExecutor) -> None:
    gate = threading.Event()

    def sign(content: bytes) -> bytes:
        assert gate.wait(20)
        return content

    ahead = SignedAhead(outgoing(CHUNK), sign, threads)
    ahead.give_up()
    gate.set()

    with pytest.raises(asyncio.CancelledError):
        await ahead.more()
    assert list(ahead.take()) == []
