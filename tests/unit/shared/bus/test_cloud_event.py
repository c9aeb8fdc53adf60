"""An event's CloudEvents headers."""

from datetime import datetime, timedelta, timezone

from shared.bus.cloud_event import cloud_event_headers
from shared.bus.interface import EventEnvelope


def test_the_headers_of_an_event() -> None:
    """The time is told in UTC, and an account beyond 32 bits stays exact."""
    envelope = EventEnvelope(
        id="3f",
        type="postroom.task.completed",
        routing_key="task.completed",
        time=datetime(2026, 6, 1, 14, 0, 0, 250_000, timezone(timedelta(hours=2))),
        account_id=2**53 + 1,
        subject="task/7",
        data=b"{}",
    )

    assert cloud_event_headers(envelope) == {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "3f",
        "cloudEvents:source": "/postroom",
        "cloudEvents:type": "postroom.task.completed",
        "cloudEvents:subject": "task/7",
        "cloudEvents:time": "2026-06-01T12:00:00.250000Z",
        "cloudEvents:accountid": "9007199254740993",
    }
