"""docs/reference/metrics.md: every metric that a service registers, asked of the registries themselves."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry

from services.api.metrics import Metrics as ApiMetrics
from services.dispatcher.probes import Figures
from services.standalone.reference.markdown import page, table
from services.tracker.metrics import Metrics as TrackerMetrics

_HEAD: Final = """Each service answers `GET /metrics` for Prometheus: api and tracker on their own port, the dispatcher
on `POSTROOM_METRICS_PORT`. Labels have few values: no address, no id of a task and no path with an id in it is one.
What to be woken by is told in [when a task stops](../how-to/when-a-task-stops.md) and
[callbacks](../concepts/callbacks.md#metrics)."""

Row = tuple[str, str, str, str]


def metrics_page() -> str:
    rows = [[service, f"`{name}`", kind, told] for service, name, kind, told in _rows()]
    return page("Metrics", _HEAD, table(["service", "metric", "type", "what it says"], rows))


def metric_names() -> set[str]:
    return {name.partition("{")[0] for _, name, _, _ in _rows()}


def _rows() -> Iterator[Row]:
    yield from _of_registry("api", ApiMetrics().registry)
    yield from _of_registry("dispatcher", Figures().registry)
    yield from _of_registry("tracker", TrackerMetrics().registry)


def _of_registry(service: str, registry: CollectorRegistry) -> Iterator[Row]:
    # The library tells labels to nobody before a first value has them.
    for collector in list(registry._collector_to_names):
        labels = ", ".join(getattr(collector, "_labelnames", ()))
        for metric in collector.collect():
            name = metric.name + ("_total" if metric.type == "counter" else "")
            told = metric.documentation.rstrip(".")
            yield service, name + (f"{{{labels}}}" if labels else ""), metric.type, told
