"""What Prometheus may ask: requests by method, route and status, and how long they took."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.api.figures.read_figures import read_figures
from services.api.figures.show_figures import FiguresOfDatabase
from shared.postgres.database import Database
from shared.runtime.exposition import exposition, show_pool, show_process

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """A registry of its own: three services can live in one process. ``beside``: theirs, told in the same answer."""

    def __init__(self, beside: Sequence[CollectorRegistry] = ()) -> None:
        self.registry = CollectorRegistry()
        self._figures: FiguresOfDatabase | None = None
        self._beside = beside
        labels = ("method", "route", "status")
        self._requests = Counter("postroom_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "postroom_http_request_seconds",
            "From header to answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        # Found once: looking for labels takes longer than counting.
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._times: dict[tuple[str, str], Histogram] = {}
        self.under_way = Gauge("postroom_http_requests_under_way", "Requests not answered yet.", registry=self.registry)

    def count_request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """``route``: the template of the path, never the path itself: each label value is kept for ever. ``seconds``:
        None of what goes on until somebody leaves.
        """
        method, route = known_method(method), route or "unknown"
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self._counters[method, route, status] = self._requests.labels(method, route, str(status))
        counter.inc()
        if seconds is not None:
            times = self._times.get((method, route))
            if times is None:
                times = self._times[method, route] = self._seconds.labels(method, route)
            times.observe(seconds)

    def watch(self, database: Database, monotonic: Callable[[], float]) -> None:
        """From now on it tells of the process and its connections, and what the database knows of the whole."""
        show_process(self.registry)
        show_pool(self.registry, lambda: database.use)
        self._figures = FiguresOfDatabase(partial(read_figures, database), monotonic)
        self.registry.register(self._figures)

    async def exposition(self) -> bytes:
        if self._figures is not None:
            await self._figures.refresh()
        return exposition(self.registry, *self._beside)


def known_method(method: str) -> str:
    return method if method in _METHODS else "other"
