"""What the tracker counts for Prometheus: a registry of its own, as several services may share a process."""

from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.tracker.decisions.returned_mail.judgement import Verdict
from shared.domain.delivery import EVENTS
from shared.domain.task import Harm

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hits = self._counter("tracker_hits_total", "What readers, relays and gateways told, stored", "kind")
        self.not_stored = self._counter("tracker_hits_not_stored_total", "Hits answered with 503, or 451 by mail")
        self.journal_bytes = self._gauge("tracker_journal_bytes", "What is kept for a Postgres that is away")
        self.replayed = self._counter("tracker_journal_records_total", "Records of the journal brought into Postgres")
        self.returned = self._counter(
            "tracker_returned_mails_total", "Mails that came back, once for each recipient that is stored", "verdict"
        )
        self.turned_away = self._counter(
            "tracker_bounce_port_refusals_total", "What the bounce port did not take", "reason"
        )
        self.inbound_sms = self._counter("inbound_sms_total", "SMS that people sent to us, by meaning", "meaning")
        self.projected = self._counter("projected_hits_total", "Hits projected")
        self.paused = self._counter("tasks_paused_total", "Tasks that this service paused", "cause")
        self.shards = self._gauge("projector_shards", "Shards this tracker projects")
        self.lag_seconds = self._gauge(
            "projector_lag_seconds", "Age of the oldest segment of these shards that is not projected"
        )
        self.lag_events = self._gauge(
            "projector_lag_events", "Segments of these shards that are not projected; counted up to 10,000"
        )
        self.request_seconds = self._histogram(
            "tracker_request_seconds", "From a request to its answer, by what was asked for and the status"
        )
        self._timed: dict[tuple[str, int], Histogram] = {}  #: found once
        self.engagement_lag_seconds = self._gauge(
            "engagement_lag_seconds",
            "Age of the oldest segment whose opens and clicks were just added to what the persons did",
        )
        self.segments_merged = self._counter("segments_merged_total", "Small segments that became part of a larger one")
        self.segments_made = self._counter("segments_made_by_merging_total", "Segments that were made of smaller ones")
        self._count_callbacks()
        self._begin()

    def _count_callbacks(self) -> None:
        self.callback_events = self._counter("callback_events_total", "Events cut into callbacks, repeats included")
        self.callback_attempts = self._counter(
            "callback_attempts_total", "Callbacks tried, by what followed", "outcome"
        )
        self.callback_age = self._gauge(
            "callback_age_seconds", "Age of the oldest event whose callback waits for its first attempt"
        )
        self.callbacks_parked = self._gauge(
            "callbacks_parked", "Campaigns whose callbacks are given up until redelivery or a new URL"
        )
        self.callbacks_stopped = self._gauge("callbacks_stopped", "Campaigns whose endpoint said that it is gone")

    def _begin(self) -> None:
        """What was not counted yet is told as 0: a first time would not be seen as an increase else."""
        for counter, values in (
            (self.hits, [kind.name.lower() for kind in EVENTS[1:]]),
            (self.returned, get_args(Verdict)),
            (self.turned_away, ("address", "busy", "connections", "not_stored", "recipients", "size")),
            (self.inbound_sms, ("stop", "start", "text")),
            (self.paused, get_args(Harm)),
            (self.callback_attempts, ("delivered", "failed", "parked", "stopped")),
        ):
            for value in values:
                counter.labels(value)

    def time_request(self, route: str, status: int, seconds: float) -> None:
        """``route``: as it is listed, never the path itself: each is kept for ever."""
        told = self._timed.get((route, status))
        if told is None:
            told = self._timed[route, status] = self.request_seconds.labels(route, str(status))
        told.observe(seconds)

    def count_paused(self, cause: Harm) -> None:
        self.paused.labels(cause).inc()

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"postroom_{name}", told, labels, registry=self.registry)

    def _histogram(self, name: str, told: str) -> Histogram:
        return Histogram(f"postroom_{name}", told, ("route", "status"), buckets=_SECONDS, registry=self.registry)

    def _gauge(self, name: str, told: str) -> Gauge:
        return Gauge(f"postroom_{name}", told, registry=self.registry)
