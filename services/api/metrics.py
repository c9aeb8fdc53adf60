"""What Prometheus may ask: requests by method, route and status, and how long they took."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """A registry of its own: three services can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("postroom_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "postroom_http_request_seconds",
            "From header to answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """``route``: the template of the path, never the path itself: each label value is kept for ever. ``seconds``:
        None of what goes on until somebody leaves.
        """
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route or "unknown", str(status)).inc()
        if seconds is not None:
            self._seconds.labels(method, route or "unknown").observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
