"""Tells Prometheus what the database knows, which is read when somebody asks and at most once in a while.

However many ask, and however often: each replica of the API reads it once in ``KEEP_SECONDS`` at most, and one reading
at a time. Where it cannot be read nothing old is told in its place.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.api.figures.oldest_writer import OldestWriter
from services.api.figures.read_figures import Figures
from shared.domain.delivery import Kind
from shared.postgres.database import DatabaseError

log = structlog.get_logger(__name__)

KEEP_SECONDS: Final = 5.0
READ_SECONDS: Final = 4.0  #: less than the patience of whoever scrapes

#: What waits, by its metric and what it is called in words: how many are due, and the seconds the oldest has waited.
WAITING: Final = {
    "tasks": ("postroom_due_tasks", "postroom_oldest_due_task_seconds", "tasks that were not started"),
    "batches": ("postroom_due_batches", "postroom_oldest_due_batch_seconds", "batches that no dispatcher has claimed"),
    "jobs": ("postroom_pending_jobs", "postroom_oldest_pending_job_seconds", "jobs, those at work included"),
    "notices": ("postroom_due_notices", "postroom_oldest_due_notice_seconds", "single messages outside tasks"),
    "postbacks": ("postroom_due_postbacks", "postroom_oldest_due_postback_seconds", "postbacks of jobs"),
    "events": ("postroom_relay_lag_events", "postroom_relay_lag_seconds", "events that are not on the bus"),
    "deliveries": (
        "postroom_delivery_relay_lag_segments",
        "postroom_delivery_relay_lag_seconds",
        "segments of the delivery log that the bus has not heard of",
    ),
}


class FiguresOfDatabase(Collector):
    def __init__(self, read: Callable[[], Awaitable[Figures]], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._known: Figures | None = None
        self._writer = OldestWriter()
        self._held_back_seconds = 0.0
        self._not_before = float("-inf")
        self._turn = asyncio.Lock()

    async def refresh(self) -> None:
        """Before it is told. Raises nothing: what cannot be read is missing, and ``postroom_figures_read`` is 0."""
        async with self._turn:
            if self._monotonic() < self._not_before:
                return
            try:
                async with asyncio.timeout(READ_SECONDS):
                    self._known = await self._read()
                self._held_back_seconds = self._writer.look(self._known.oldest_writer, self._monotonic())
            except (DatabaseError, TimeoutError) as error:
                self._known = None
                log.warning("figures not read", action="figures_not_read", error=type(error).__name__)
            self._not_before = self._monotonic() + KEEP_SECONDS

    def collect(self) -> Iterator[Metric]:
        read = "1 when the figures of the database could be read at the last scrape, else 0 and they are missing."
        yield _gauge("postroom_figures_read", read, int(self._known is not None))
        if self._known is not None:
            yield from metrics_of(self._known, self._held_back_seconds)

    def describe(self) -> list[Metric]:
        return []  # it depends on what could be read


def metrics_of(figures: Figures, held_back_seconds: float) -> Iterator[Metric]:
    """``held_back_seconds``: what reading once does not tell, see ``OldestWriter``."""
    held_back = "For so long at least one open transaction has held back all who read what is recorded; 0: none does."
    yield _gauge("postroom_tails_held_back_seconds", held_back, held_back_seconds)
    for work, (count, seconds, words) in WAITING.items():
        waiting = figures.waiting[work]
        yield _gauge(count, f"Due {words}; counted up to 10,000.", waiting.count)
        yield _gauge(seconds, f"Seconds that the oldest of the due {words} has waited; 0: none.", waiting.seconds)
    held = "1 while nothing is sent: the database was restored and nobody has confirmed it, or was just promoted."
    yield _gauge("postroom_store_held", held, int(figures.store_held))
    yield _gauge("postroom_in_doubt", "Recipients held in doubt, over all tasks.", figures.in_doubt)
    tasks = GaugeMetricFamily(
        "postroom_open_tasks", "Tasks started and not at their end; among them paused, and blocked.", labels=("which",)
    )
    for which, number in figures.open_tasks.items():
        tasks.add_metric((which,), number)
    yield tasks
    sets = GaugeMetricFamily(
        "postroom_set_members", "Recipients in the sets of a kind, over the newest 1,000 open tasks.", labels=("kind",)
    )
    for kind in Kind:
        sets.add_metric((kind.name.lower(),), figures.sets.get(kind, 0))
    yield sets


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
