"""What the tracker counts for Prometheus: a registry of its own, as several services may share a process."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hits = Counter(
            "postroom_tracker_hits_total",
            "What readers did and gateways told, stored",
            ["kind"],
            registry=self.registry,
        )
        self.not_stored = Counter(
            "postroom_tracker_hits_not_stored_total", "Hits answered with 503", registry=self.registry
        )
        self.projected = Counter("postroom_projected_hits_total", "Hits projected", registry=self.registry)
        self.shards = Gauge("postroom_projector_shards", "Shards this tracker projects", registry=self.registry)
        self.lag_seconds = Gauge(
            "postroom_projector_lag_seconds",
            "Age of the oldest segment of these shards that is not projected",
            registry=self.registry,
        )
