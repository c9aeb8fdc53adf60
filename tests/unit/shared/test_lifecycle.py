"""Loops work while there is work, wait for a ring or their time, outlive a bad moment, and stop when told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from shared.runtime import lifecycle
from shared.runtime.lifecycle import Wakeup, run_loop

FOREVER = 3600.0


@dataclass
class Loop:
    """One at work; ``answers``: what its steps find, then nothing more."""

    answers: list[bool | Exception] = field(default_factory=list)
    seconds: float = FOREVER
    steps: int = 0
    wakeup: Wakeup = field(default_factory=Wakeup)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self) -> bool:
        self.steps += 1
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def has_stepped(self, times: int) -> None:
        async with asyncio.timeout(10):
            while self.steps < times:
                await asyncio.sleep(0.001)


async def at_work(loop: Loop, then: Callable[[], Awaitable[None]]) -> None:
    """Stops it at the end, in which it must not hesitate."""
    running = asyncio.create_task(run_loop("test", loop.step, loop.wakeup, loop.stop, loop.seconds))
    try:
        await then()
    finally:
        loop.stop.set()
        await asyncio.wait_for(running, 10)


async def test_while_there_is_work_it_goes_on_at_once() -> None:
    loop = Loop(answers=[True, True, True])

    await at_work(loop, lambda: loop.has_stepped(4))

    assert loop.steps == 4


async def test_after_work_it_rests_as_long_as_it_is_told() -> None:
    """A ring does not cut it short, for that is what is to gather; being told to stop does."""
    loop = Loop(answers=[True, True, True], wakeup=Wakeup())
    rests = [0.0, 0.001, FOREVER]
    running = asyncio.create_task(
        run_loop("test", loop.step, loop.wakeup, loop.stop, FOREVER, rest=lambda: rests.pop(0))
    )

    await loop.has_stepped(3)
    loop.wakeup.ring()
    await asyncio.sleep(0.01)
    loop.stop.set()
    await asyncio.wait_for(running, 10)

    assert (loop.steps, rests) == (3, [])


async def test_rings_within_a_time_are_one() -> None:
    """Many who ask for it meanwhile cost one step; whoever asks later gets another."""
    loop = Loop()

    async def ask_twice() -> None:
        for steps in (2, 3):
            await loop.has_stepped(steps - 1)
            for _ in range(100):
                loop.wakeup.ring_within(0.01)
            await loop.has_stepped(steps)

    await at_work(loop, ask_twice)

    assert loop.steps == 3


async def test_a_ring_is_not_put_off_by_one_within_a_time() -> None:
    loop = Loop()

    async def ask_then_ring() -> None:
        await loop.has_stepped(1)
        loop.wakeup.ring_within(FOREVER)
        loop.wakeup.ring()
        await loop.has_stepped(2)

    await at_work(loop, ask_then_ring)

    assert loop.steps == 2


async def test_a_ring_ends_the_wait() -> None:
    loop = Loop()

    async def ring() -> None:
        await loop.has_stepped(1)
        loop.wakeup.ring()
        await loop.has_stepped(2)

    await at_work(loop, ring)


async def test_without_a_ring_it_looks_again_after_its_time() -> None:
    loop = Loop(seconds=0.001)

    await at_work(loop, lambda: loop.has_stepped(5))


async def test_a_ring_during_a_step_is_not_lost() -> None:
    loop = Loop()
    loop.wakeup.ring()

    await at_work(loop, lambda: loop.has_stepped(2))


async def test_many_rings_are_one() -> None:
    wakeup = Wakeup()
    for _ in range(3):
        wakeup.ring()

    await asyncio.wait_for(wakeup.wait(FOREVER), 10)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wakeup.wait(FOREVER), 0.01)


async def test_a_step_that_fails_is_tried_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "FAILURE_PAUSE_SECONDS", 0.001)
    loop = Loop(answers=[ValueError("once"), ValueError("twice")])

    await at_work(loop, lambda: loop.has_stepped(3))


async def test_the_pause_after_a_failure_ends_when_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "FAILURE_PAUSE_SECONDS", FOREVER)
    loop = Loop(answers=[ValueError("once")])

    await at_work(loop, lambda: loop.has_stepped(1))

    assert loop.steps == 1


async def test_told_to_stop_before_it_began_it_does_nothing() -> None:
    loop = Loop()
    loop.stop.set()

    await run_loop("test", loop.step, loop.wakeup, loop.stop, FOREVER)

    assert loop.steps == 0
