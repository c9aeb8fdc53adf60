"""What the tracker counts for Prometheus: a registry of its own, as several services may share a process."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.domain.task import Harm


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hits = Counter(
            "postroom_tracker_hits_total",
            "What readers, relays and gateways told, stored",
            ["kind"],
            registry=self.registry,
        )
        self.not_stored = Counter(
            "postroom_tracker_hits_not_stored_total", "Hits answered with 503, or 451 by mail", registry=self.registry
        )
        self.returned = Counter(
            "postroom_tracker_returned_mails_total",
            "Mails that came back, once for each recipient that is stored",
            ["verdict"],
            registry=self.registry,
        )
        self.turned_away = Counter(
            "postroom_tracker_bounce_port_refusals_total",
            "What the bounce port did not take",
            ["reason"],
            registry=self.registry,
        )
        self.inbound_sms = Counter(
            "postroom_inbound_sms_total",
            "SMS that people sent to us, by what they meant",
            ["meaning"],
            registry=self.registry,
        )
        self.projected = Counter("postroom_projected_hits_total", "Hits projected", registry=self.registry)
        self.paused = Counter(
            "postroom_tasks_paused_total", "Tasks that this service paused", ["cause"], registry=self.registry
        )
        self.shards = Gauge("postroom_projector_shards", "Shards this tracker projects", registry=self.registry)
        self.lag_seconds = Gauge(
            "postroom_projector_lag_seconds",
            "Age of the oldest segment of these shards that is not projected",
            registry=self.registry,
        )
        self.engagement_lag_seconds = Gauge(
            "postroom_engagement_lag_seconds",
            "Age of the oldest segment whose opens and clicks were just added to what the persons did",
            registry=self.registry,
        )

    def count_paused(self, cause: Harm) -> None:
        self.paused.labels(cause).inc()
