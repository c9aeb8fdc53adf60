"""Live figures: whoever watches the same thing shares one reader of it.

A reader asks once a tick, however many watch, and only while somebody does. A watcher is told what changed since he was
told last. Streams are bounded in number and in time: a browser comes again by itself, with its cookie.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.api.console.markup import Markup

log = structlog.get_logger(__name__)

MOST_WATCHERS: Final = 256  #: of one process
MOST_OF_ONE: Final = 64  #: of these, for whoever belongs together: nobody takes all the places
TICK_SECONDS: Final = 1.0
LARGEST_SHARE: Final = 0.1  #: of the time that reading one thing may take: what is slow to read is read less often
BEAT_SECONDS: Final = 10.0  #: without news, to notice who has left
STREAM_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a page shows at one moment. ``regions``: the inside of elements by id; ``flags``: whether to show what
    depends on them; ``said``: one sentence for whoever does not see.
    """

    regions: Mapping[str, Markup]
    flags: Mapping[str, bool] = field(default_factory=dict)
    said: str = ""


Read = Callable[[], Awaitable[Figures | None]]  #: None: it is gone


@dataclass(slots=True)
class _Topic:
    watchers: int = 0
    figures: Figures | None = None
    began: int = 0  #: readings
    told: int = 0  #: the number of the reading that gave the figures
    over: asyncio.Event = field(default_factory=asyncio.Event)  #: gone, closed, or watched by nobody any more
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, figures: Figures | None) -> None:
        """None: it is over."""
        self.figures, self.told = figures, self.began
        if figures is None:
            self.over.set()
        self.news.set()
        self.news = asyncio.Event()


@dataclass(slots=True)
class Live:
    monotonic: Callable[[], float]
    tick: float = TICK_SECONDS
    readings: int = 0  #: so often anything was read
    _topics: dict[Hashable, _Topic] = field(default_factory=dict)
    _readers: "set[asyncio.Task[None]]" = field(default_factory=set)
    _watchers: "Counter[Hashable]" = field(default_factory=Counter)  #: by whose they are
    _closed: bool = False

    def full_for(self, whose: Hashable) -> bool:
        return self._closed or self._watchers.total() >= MOST_WATCHERS or self._watchers[whose] >= MOST_OF_ONE

    async def watch(self, name: Hashable, read: Read, whose: Hashable = None) -> AsyncGenerator[Figures | None]:
        """Figures that are read from now on, where they changed; None: they did not, or could not be read. Ends with
        the thing, in time, or at ``close``; at once where too many watch already.

        ``name``: of the thing as the watcher may see it; whoever gives the same one gets what that reader reads.
        ``whose``: who shares places with him.
        """
        if self.full_for(whose):
            return
        topic = self._enter(name, read)
        self._watchers[whose] += 1
        # Of what was being read already the watcher may know something newer: his page, or what he just did.
        seen, known = None, topic.began
        until = self.monotonic() + STREAM_SECONDS
        try:
            while not topic.over.is_set() and self.monotonic() < until:
                await _at_most(topic.news.wait(), BEAT_SECONDS)
                changed = topic.told > known and topic.figures != seen
                if changed:
                    seen, known = topic.figures, topic.told
                if not topic.over.is_set():
                    yield seen if changed else None
        finally:
            self._watchers -= Counter([whose])  # whoever has none left is forgotten
            self._leave(name, topic)

    def close(self) -> None:
        """Ends every stream."""
        self._closed = True
        for topic in self._topics.values():
            topic.tell(None)

    def _enter(self, name: Hashable, read: Read) -> _Topic:
        topic = self._topics.get(name)
        if topic is None or topic.over.is_set():
            topic = self._topics[name] = _Topic()
            reader = asyncio.create_task(self._read(topic, read))
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
        topic.watchers += 1
        return topic

    def _leave(self, name: Hashable, topic: _Topic) -> None:
        topic.watchers -= 1
        if topic.watchers == 0:
            topic.over.set()
            if self._topics.get(name) is topic:
                del self._topics[name]

    async def _read(self, topic: _Topic, read: Read) -> None:
        while not topic.over.is_set():
            began = self.monotonic()
            self.readings += 1
            topic.began += 1
            try:
                figures = await read()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next tick may do better
                log.warning("figures wait", action="console_figures_wait", error=type(error).__name__)
            else:
                topic.tell(figures)
            took = self.monotonic() - began
            await _at_most(topic.over.wait(), max(self.tick, took / LARGEST_SHARE - took))


async def _at_most(waiting: Awaitable[object], seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        pass
