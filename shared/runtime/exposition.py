"""Metrics as Prometheus reads them, and those that every process has."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def show_process(registry: CollectorRegistry) -> None:
    """Its CPU seconds, memory, open files and when it started, by the names that every exporter uses."""
    ProcessCollector(registry=registry)


def show_pool(registry: CollectorRegistry, use: Callable[[], tuple[int, int, int]]) -> None:
    """``use``: connections to Postgres in use, who waits for one, and the most there may be."""
    told = "Connections of this process to Postgres: in use, wished for, and the most there may be."
    gauge = Gauge("postroom_database_connections", told, ("state",), registry=registry)
    for number, state in enumerate(("in_use", "waited_for", "limit")):
        gauge.labels(state).set_function(part_of(use, number))


def part_of(use: Callable[[], tuple[int, int, int]], number: int) -> Callable[[], float]:
    """One of the numbers that ``use`` gives."""
    return lambda: use()[number]


def exposition(*registries: CollectorRegistry) -> bytes:
    """All of them in one answer. What several have, as services that share a process do: counts are added, of
    everything else the first one's is told.
    """
    if len(registries) == 1:
        return generate_latest(registries[0])
    whole = CollectorRegistry(auto_describe=False)
    whole.register(_Merged(registries))
    return generate_latest(whole)


class _Merged(Collector):
    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = tuple(registries)

    def collect(self) -> Iterator[Metric]:
        found: dict[str, list[Metric]] = {}
        for registry in self._registries:
            for metric in registry.collect():
                found.setdefault(metric.name, []).append(metric)
        for metrics in found.values():
            yield _merge(metrics)


def _merge(metrics: list[Metric]) -> Metric:
    first = metrics[0]
    if len(metrics) == 1:
        return first
    merged = Metric(first.name, first.documentation, first.type)
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
    for sample in (sample for metric in metrics for sample in metric.samples):
        key = (sample.name, tuple(sorted(sample.labels.items())))
        known = samples.get(key)
        if known is None:
            samples[key] = sample
        elif first.type == "counter" and sample.name.startswith("postroom_") and sample.name.endswith("_total"):
            samples[key] = known._replace(value=known.value + sample.value)
    merged.samples = list(samples.values())
    return merged
