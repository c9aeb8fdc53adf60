"""Live figures: one reader for all who watch, what changed for each, and an end to everything."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import orjson
import pytest

from services.api.console.events import write_events
from services.api.console.live import MOST_OF_ONE, MOST_WATCHERS, STREAM_SECONDS, Figures, Live
from services.api.console.markup import Markup


def figures(count: int) -> Figures:
    return Figures({"n": Markup(str(count)), "same": Markup("same")}, {"odd": bool(count % 2)}, f"{count} so far")


class Counting:
    """Reads one more each time; at ``last`` it is gone."""

    def __init__(self, last: int = 1_000_000) -> None:
        self.count, self.last = 0, last

    async def read(self) -> Figures | None:
        self.count += 1
        return figures(self.count) if self.count < self.last else None


def make_live(clock: Callable[[], float] | None = None) -> Live:
    return Live(clock or asyncio.get_running_loop().time, tick=0.01)


async def watch(live: Live, source: Counting, until: int) -> list[str]:
    """The counts seen, until one of at least ``until``."""
    seen = []
    async with asyncio.timeout(20), aclosing(live.watch("thing", source.read)) as watching:
        async for each in watching:
            if each is not None:
                seen.append(str(each.regions["n"]))
                if int(seen[-1]) >= until:
                    break
    return seen


async def test_a_hundred_watch_and_one_reads() -> None:
    """Everybody sees the figures rise, and no figure was read twice."""
    live, source = make_live(), Counting()
    seen = await asyncio.gather(*(watch(live, source, 5) for _ in range(100)))

    assert all(counts == sorted(set(counts), key=int) for counts in seen)
    assert source.count == live.readings
    assert live.readings < 100


async def next_of(watching: AsyncGenerator[Figures | None]) -> Figures:
    async for each in watching:
        if each is not None:
            return each
    raise AssertionError("ended")


async def test_whoever_comes_is_told_nothing_that_was_read_before() -> None:
    """Not even of a reading that is under way: his page knows what he just did, and an older one does not."""
    live, source, asked, go_on = make_live(), Counting(), asyncio.Event(), asyncio.Event()

    async def read() -> Figures | None:
        found = await source.read()
        asked.set()
        await go_on.wait()
        return found

    async with asyncio.timeout(20), aclosing(live.watch("thing", read)) as early:
        first = asyncio.ensure_future(next_of(early))
        await asked.wait()
        late = live.watch("thing", read)
        second = asyncio.ensure_future(next_of(late))
        await asyncio.sleep(0)
        go_on.set()
        assert await first == figures(1)
        assert await second == figures(2)
        await late.aclose()


async def test_nobody_reads_for_nobody() -> None:
    live, source = make_live(), Counting()
    await watch(live, source, 2)
    asked = source.count
    await watch(live, other := Counting(), 20)

    assert other.count >= 20
    assert source.count == asked


async def test_a_thing_that_is_gone_ends_its_streams() -> None:
    live = make_live()

    assert len(await watch(live, Counting(last=4), 1_000)) == 3


async def test_closing_ends_all_streams_and_takes_no_more() -> None:
    live = make_live()
    watching = [asyncio.create_task(watch(live, Counting(), 1_000_000)) for _ in range(3)]
    async with asyncio.timeout(20):
        while not live.readings:
            await asyncio.sleep(0)
        live.close()
        await asyncio.gather(*watching)

    assert live.full_for("anybody")


async def test_a_reader_that_fails_goes_on() -> None:
    """The figures stand still meanwhile."""
    live, source, failures = make_live(), Counting(), iter([True, False, True])

    async def read() -> Figures | None:
        if next(failures, False):
            raise RuntimeError("CRUNCHY")
        return await source.read()

    seen = []
    async with asyncio.timeout(20), aclosing(live.watch("thing", read)) as watching:
        async for each in watching:
            if each is not None:
                seen.append(str(each.regions["n"]))
            if len(seen) == 3:
                break

    assert seen == ["1", "2", "3"]


async def test_a_stream_ends_in_time() -> None:
    """The browser comes again, with its cookie."""
    now = [0.0]
    live, source = make_live(lambda: now[0]), Counting()
    async with asyncio.timeout(20):
        async for _ in live.watch("thing", source.read):
            now[0] += STREAM_SECONDS / 2

    assert now[0] == STREAM_SECONDS


async def test_watchers_are_bounded() -> None:
    live = make_live()
    streams = [live.watch(number, Counting().read, number % 8) for number in range(MOST_WATCHERS)]
    for stream in streams[:-1]:
        await anext(stream)
    assert [live.full_for("other"), await anext(streams[-1]) and live.full_for("other")] == [False, True]
    assert [each async for each in live.watch("one more", Counting().read)] == []
    await streams[0].aclose()
    assert not live.full_for("other")
    for stream in streams:
        await stream.aclose()


async def test_nobody_takes_all_the_places() -> None:
    """Whoever has as many as one may have is turned away, and others are not; a place that was left is free."""
    live = make_live()
    streams = [live.watch(number, Counting().read, "one") for number in range(MOST_OF_ONE)]
    for stream in streams:
        await anext(stream)
    assert [live.full_for("one"), live.full_for("other")] == [True, False]
    assert [each async for each in live.watch("one more", Counting().read, "one")] == []
    await streams[0].aclose()
    assert not live.full_for("one")
    for stream in streams:
        await stream.aclose()


async def told(steps: list[Figures | None], *, still_in: int = 1_000_000) -> list[str]:
    """What goes over the wire. ``still_in``: after so many steps the session is over."""
    left = iter(range(still_in))

    async def ask() -> bool:
        return next(left, None) is not None

    async def watching() -> AsyncGenerator[Figures | None]:
        for step in steps:
            yield step

    return [piece.decode() async for piece in write_events(figures(0), watching(), ask)]


def data(piece: str) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(piece.partition("data: ")[2])
    return found


async def test_an_event_tells_what_changed_since_the_one_before() -> None:
    retry, first, second, third = await told([figures(1), figures(3)])

    assert retry == "retry: 2000\n\n"
    assert data(first) == {"regions": {"n": "0", "same": "same"}, "flags": {"odd": False}, "said": "0 so far"}
    assert data(second) == {"regions": {"n": "1"}, "flags": {"odd": True}, "said": "1 so far"}
    assert data(third) == {"regions": {"n": "3"}, "said": "3 so far"}
    assert second.startswith("event: figures\n")
    assert second.endswith("\n\n")


async def test_without_news_there_is_a_beat() -> None:
    _, _, *rest = await told([figures(0), None])

    assert rest == [": still here\n\n"]


@pytest.mark.parametrize("steps", [0, 2])
async def test_whoever_is_signed_out_is_told_so_and_nothing_more(steps: int) -> None:
    pieces = await told([figures(1), figures(2), figures(3)], still_in=steps)

    assert pieces[-1] == "event: over\ndata: {}\n\n"
    assert len(pieces) == steps + 3
