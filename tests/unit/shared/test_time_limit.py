"""What takes too long ends with TimeoutError, each at its own time, and nothing else does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.runtime.time_limit import TimeLimit

SHORT, LONG = 0.02, 3600.0

Awaited = Callable[[TimeLimit], Awaitable[None]]


async def in_a_block(limit: TimeLimit) -> None:
    with limit.kept():
        await asyncio.Event().wait()


async def on_a_future(limit: TimeLimit) -> None:
    never = asyncio.get_running_loop().create_future()
    with limit.on(never):
        await never


EITHER = pytest.mark.parametrize("awaiting", [in_a_block, on_a_future])


@EITHER
async def test_what_takes_too_long_ends(awaiting: Awaited) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(awaiting(TimeLimit(SHORT)), LONG)


@EITHER
async def test_however_many_began_one_after_the_other_all_end(awaiting: Awaited) -> None:
    """Also those that begin when the first are over."""
    limit, ended = TimeLimit(SHORT), []
    for _ in range(3):
        waiting = [asyncio.create_task(asyncio.wait_for(awaiting(limit), LONG)) for _ in range(50)]
        await asyncio.sleep(0)
        ended += await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(error) for error in ended} == {TimeoutError}
    assert len(ended) == 150


async def test_what_is_done_in_time_is_left_alone_afterwards() -> None:
    """The timer of the first runs out while it is long over and its task does something else."""
    limit, others = TimeLimit(SHORT), TimeLimit(SHORT)
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    with limit.kept():
        await asyncio.sleep(0)
    with limit.on(done):
        await done

    with pytest.raises(TimeoutError):
        await in_a_block(others)

    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # a test is a task


async def test_whoever_is_cancelled_stays_cancelled() -> None:
    limit = TimeLimit(LONG)
    waiting = asyncio.create_task(in_a_block(limit))
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_error_in_a_block_is_its_own() -> None:
    with pytest.raises(KeyError), TimeLimit(LONG).kept():
        raise KeyError


async def test_of_two_limits_the_shorter_ends_it() -> None:
    """And the block around it goes on."""
    with TimeLimit(LONG).kept():
        with pytest.raises(TimeoutError):
            await in_a_block(TimeLimit(SHORT))
        await asyncio.sleep(0)


async def test_what_no_task_does_has_no_limit() -> None:
    """There would be nobody to end."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def begin() -> None:
        try:
            TimeLimit(LONG).kept().__enter__()
        except RuntimeError as error:
            told.set_result(str(error))

    asyncio.get_running_loop().call_soon(begin)

    assert "task" in await told
