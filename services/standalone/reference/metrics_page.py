"""docs/reference/metrics.md: every metric that a service registers, asked of the registries themselves."""

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.api.figures.read_figures import Figures, Waiting
from services.api.figures.show_figures import WAITING, FiguresOfDatabase, metrics_of
from services.api.metrics import Metrics as ApiMetrics
from services.dispatcher.probes import Figures as DispatcherFigures
from services.standalone.reference.markdown import page, table
from services.tracker.metrics import Metrics as TrackerMetrics
from shared.postgres.database import Unavailable
from shared.runtime.exposition import show_pool, show_process

_HEAD: Final = """Each service answers `GET /metrics` for Prometheus: api and tracker on their own port, the dispatcher
on `POSTROOM_METRICS_PORT`. Labels have few values: no address, no id of a task and no path with an id in it is one.
What to be woken by is told in [when a task stops](../how-to/when-a-task-stops.md) and
[callbacks](../concepts/callbacks.md#metrics); rules and dashboards in [watch it](../how-to/watch-it.md)."""

Row = tuple[str, str, str, str]


def metrics_page() -> str:
    rows = [[service, f"`{name}`", kind, told] for service, name, kind, told in _rows()]
    return page("Metrics", _HEAD, table(["service", "metric", "type", "what it says"], rows))


def metric_names() -> set[str]:
    return {name.partition("{")[0] for _, name, _, _ in _rows()}


def _rows() -> Iterator[Row]:
    each = CollectorRegistry()
    show_process(each)
    show_pool(each, lambda: (0, 0, 0))
    yield from _of_registry("each", each)
    yield from _of_registry("api", ApiMetrics().registry)
    yield from _of_database()
    yield from _of_registry("dispatcher", DispatcherFigures().registry)
    yield from _of_registry("tracker", TrackerMetrics().registry)


def _of_database() -> Iterator[Row]:
    """What the api reads of it; without a database all of it is nothing."""
    waiting = {work: Waiting(0, 0.0) for work in WAITING}
    yield from _of_collector("api", FiguresOfDatabase(_nothing, lambda: 0.0))
    for metric in metrics_of(Figures(waiting, {"open": 0}, 0, {}, None, store_held=False), 0.0):
        yield _row("api", metric, tuple(metric.samples[0].labels))


async def _nothing() -> Figures:
    raise Unavailable("there is no database")


def _of_registry(service: str, registry: CollectorRegistry) -> Iterator[Row]:
    # The library tells labels to nobody before a first value has them.
    for collector in list(registry._collector_to_names):
        yield from _of_collector(service, collector)


def _of_collector(service: str, collector: Collector) -> Iterator[Row]:
    for metric in collector.collect():
        yield _row(service, metric, getattr(collector, "_labelnames", ()))


def _row(service: str, metric: Metric, labels: Sequence[str]) -> Row:
    name = metric.name + ("_total" if metric.type == "counter" else "")
    written = f"{{{', '.join(labels)}}}" if labels else ""
    return service, name + written, metric.type, metric.documentation.rstrip(".")
