"""What every bus promises. An adapter's test file inherits this and says how to build one."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import pytest

from shared.bus.interface import Bus, EventEnvelope, Hint, PublishFailed, Role

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Rig(Protocol):
    """A bus, and the three things a test must do behind its back."""

    bus: Bus

    async def put_raw(self, role: Role, body: bytes) -> None: ...

    async def reasons(self) -> list[str]:
        """Of the dead letters so far, which this takes away."""
        ...

    async def collect_events(self, pattern: str) -> list[EventEnvelope]:
        """Fills as events arrive whose routing key fits."""
        ...


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def send_all(bus: Bus, role: Role, hints: Sequence[Hint]) -> None:
    """Fifty at a time: quick, and far from the second that each may take."""
    for start in range(0, len(hints), 50):
        await asyncio.gather(*(bus.hint(role, hint) for hint in hints[start : start + 50]))


def event(number: int, routing_key: str = "task.completed") -> EventEnvelope:
    return EventEnvelope(
        id=f"event-{number}",
        type=f"postroom.{routing_key}",
        routing_key=routing_key,
        time=NOON,
        account_id=2**53 + 1,
        subject=f"task/{number}",
        data=b'{"task_id":%d}' % number,
    )


class Heard:
    """A handler that remembers."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []

    async def __call__(self, hint: Hint) -> None:
        self.hints.append(hint)


class BusContract:
    async def test_a_hint_reaches_exactly_one_of_two_listeners(self, rig: Rig) -> None:
        """And comes out as it went in."""
        one, two = Heard(), Heard()
        sent = [Hint("batches_ready", key=7, extra=(number, 2**63 - 1)) for number in range(50)]
        async with await rig.bus.listen("dispatcher", one), await rig.bus.listen("dispatcher", two):
            for hint in sent:
                await rig.bus.hint("dispatcher", hint)
            await until(lambda: len(one.hints) + len(two.hints) >= len(sent))
            await rig.bus.hint("dispatcher", Hint("task_due"))
            await until(lambda: Hint("task_due") in one.hints + two.hints)

        assert Counter(one.hints + two.hints) == Counter([*sent, Hint("task_due")])

    async def test_a_listener_of_another_role_gets_none(self, rig: Rig) -> None:
        """The tracker hears its own hint, sent last, and nothing before it."""
        tracker, dispatcher = Heard(), Heard()
        async with await rig.bus.listen("tracker", tracker), await rig.bus.listen("dispatcher", dispatcher):
            await rig.bus.hint("dispatcher", Hint("task_due", key=7))
            await until(lambda: bool(dispatcher.hints))
            await rig.bus.hint("tracker", Hint("segments_appended", key=12))
            await until(lambda: bool(tracker.hints))

        assert tracker.hints == [Hint("segments_appended", key=12)]

    async def test_a_hint_waits_for_a_role_that_listens_later(self, rig: Rig) -> None:
        heard = Heard()
        await rig.bus.hint("api", Hint("job_due", key=3))
        async with await rig.bus.listen("api", heard):
            await until(lambda: heard.hints == [Hint("job_due", key=3)])

    async def test_a_thousand_hints_all_arrive(self, rig: Rig) -> None:
        heard = Heard()
        sent = [Hint("segments_appended", key=number) for number in range(1000)]
        async with await rig.bus.listen("tracker", heard):
            await send_all(rig.bus, "tracker", sent)
            await until(lambda: len(heard.hints) >= 1000)

        assert Counter(heard.hints) == Counter(sent)

    async def test_a_handler_that_raises_stops_nothing(self, rig: Rig) -> None:
        """Its hint is gone: a sweep finds what it was about."""
        heard: list[int] = []

        async def fail_on_even(hint: Hint) -> None:
            heard.append(hint.key)
            if hint.key % 2 == 0:
                raise RuntimeError("even")

        async with await rig.bus.listen("dispatcher", fail_on_even):
            for key in range(10):
                await rig.bus.hint("dispatcher", Hint("task_due", key))
            await until(lambda: len(heard) == 10)

        assert heard == list(range(10))

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            pytest.param(b"\xff{", "not JSON", id="bytes"),
            pytest.param(b'{"topic":"task_due"}', "not an object of topic, key and extra", id="too few fields"),
            pytest.param(b'{"topic":"moon","key":1,"extra":[]}', "unknown topic", id="a topic from the future"),
            pytest.param(b"1" * 100_000, "100000 bytes, more than the 512 of a hint", id="a flood"),
        ],
    )
    async def test_what_is_no_hint_is_parked_with_the_reason(self, rig: Rig, body: bytes, reason: str) -> None:
        """And those behind it come through."""
        heard = Heard()
        async with await rig.bus.listen("dispatcher", heard):
            await rig.put_raw("dispatcher", body)
            await rig.bus.hint("dispatcher", Hint("task_due", key=7))
            await until(lambda: heard.hints == [Hint("task_due", key=7)])

        assert await rig.reasons() == [reason]

    async def test_one_poison_among_a_thousand_stops_none(self, rig: Rig) -> None:
        heard = Heard()
        async with await rig.bus.listen("dispatcher", heard):
            await send_all(rig.bus, "dispatcher", [Hint("task_due", key) for key in range(500)])
            await rig.put_raw("dispatcher", b"poison")
            await send_all(rig.bus, "dispatcher", [Hint("task_due", key) for key in range(500, 1000)])
            await until(lambda: len(heard.hints) >= 1000)

        assert {hint.key for hint in heard.hints} == set(range(1000))
        assert await rig.reasons() == ["not JSON"]

    async def test_events_reach_who_is_interested_in_order(self, rig: Rig) -> None:
        """Whole, and only those that fit the pattern."""
        tasks = await rig.collect_events("task.*")
        everything = await rig.collect_events("#")
        sent = [event(number, "task.completed" if number % 2 else "delivery.opened") for number in range(250)]
        await rig.bus.publish(sent)
        await until(lambda: len(everything) >= 250 and len(tasks) >= 125)

        assert everything == sent
        assert tasks == [envelope for envelope in sent if envelope.routing_key == "task.completed"]

    async def test_events_of_any_size_arrive_whole_between_others(self, rig: Rig) -> None:
        """A frame of the broker holds 128 KiB less its own eight bytes; an event may need several."""
        everything = await rig.collect_events("#")
        sizes = [0, 1, 131_063, 131_064, 131_065, 300_000, 2]
        sent = [replace(event(number), data=bytes([65 + number]) * size) for number, size in enumerate(sizes)]
        await rig.bus.publish(sent)
        await until(lambda: len(everything) >= len(sent))

        assert everything == sent

    async def test_events_nobody_waits_for_are_no_error(self, rig: Rig) -> None:
        await rig.bus.publish([event(1)])
        await rig.bus.publish([])

        assert await rig.bus.healthy()

    async def test_a_stopped_listener_hears_no_more(self, rig: Rig) -> None:
        """What comes then is another's."""
        stopped, other = Heard(), Heard()
        listener = await rig.bus.listen("dispatcher", stopped)
        await rig.bus.hint("dispatcher", Hint("task_due", key=1))
        await until(lambda: bool(stopped.hints))
        await listener.stop()
        await rig.bus.hint("dispatcher", Hint("task_due", key=2))
        async with await rig.bus.listen("dispatcher", other):
            await until(lambda: bool(other.hints))

        assert (stopped.hints, other.hints) == ([Hint("task_due", key=1)], [Hint("task_due", key=2)])

    async def test_a_closed_bus_takes_nothing(self, rig: Rig) -> None:
        """And its listeners have stopped: a handler in the middle is cancelled."""
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def wait_for_ever(_: Hint) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        await rig.bus.listen("dispatcher", wait_for_ever)
        await rig.bus.hint("dispatcher", Hint("task_due"))
        await asyncio.wait_for(begun.wait(), 15)
        await rig.bus.close()

        assert cancelled.is_set()
        assert not await rig.bus.healthy()
        with pytest.raises(PublishFailed):
            await rig.bus.hint("dispatcher", Hint("task_due"))
        with pytest.raises(PublishFailed):
            await rig.bus.publish([event(1)])
        with pytest.raises(PublishFailed):
            await rig.bus.listen("dispatcher", wait_for_ever)
