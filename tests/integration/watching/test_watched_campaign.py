"""One campaign from its POST to its callbacks: what logs, metrics and spans tell of it, and what they do not tell."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.postgres.database import Database
from shared.runtime.open_telemetry import export_to
from tests.integration.watching.whole import Whole, whole_on
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.receiver import Receiver, always_ok

TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT: Final = f"00-{TRACE}-00f067aa0ba902b7-01"
CANARY: Final = "canary7731"  #: in addresses, names, vars, a query and a callback's URL
PEOPLE, TASKS = 30, 12
MOST_SERIES: Final = 1_500  #: of all three services, most of them buckets of histograms

MESSAGE: Final = {
    "channel": "email",
    "name": "News",
    "subject": "Hello",
    "from_email": "news@example.com",
    "html": '<a href="https://example.com/a">a</a> {{ unsubscribe_url }}',
}


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Every line that is logged meanwhile, also those of debugging, as they would be printed."""
    lines, before = io.StringIO(), structlog.get_config()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(lines),
        cache_logger_on_first_use=False,
    )
    try:
        yield lines
    finally:
        structlog.configure(**before)


async def send_campaign(whole: Whole, callback: str) -> int:
    """The campaign is started by a request of the trace; beside it go tasks of many lists and domains."""
    made = await whole.call("POST", "/list", {"name": f"{CANARY} list"})
    people = [{"email": f"{CANARY}.{n}@d{n}.example", "vars": {"name": CANARY}} for n in range(PEOPLE - 1)]
    await whole.call("POST", f"/list/{made['id']}/subscriber", [*people, {"email": f"{CANARY}@gmail.com"}])
    message = await whole.call("POST", "/message", MESSAGE)
    for number in range(TASKS):
        task = {"channel": "email", "list_id": made["id"], "message_id": message["id"], "scheduledtime": 0}
        await whole.call("POST", "/task", {**task, "name": f"{CANARY} {number}"})
    domain = await whole.call("POST", "/domain", {"name": "bounce.example.com", "bouncing": True})
    wish = {"name": CANARY, "list": made["id"], "domain": domain["id"], "event_callback": callback}
    campaign = await whole.call("POST", "/campaign", wish)
    payload = {"channel": "email", "message_id": message["id"]}
    await whole.call("POST", f"/campaign/{campaign['id']}/payload", payload)
    state = {"when": 0, "state": "SCHEDULED"}
    await whole.call("PUT", f"/campaign/{campaign['id']}", state, {"traceparent": TRACEPARENT})
    return int(campaign["id"])


async def until_told(whole: Whole, receiver: Receiver, spans: InMemorySpanExporter) -> None:
    async with asyncio.timeout(60):
        while not receiver.requests or "callback" not in {span.name for span in spans.get_finished_spans()}:
            await asyncio.sleep(0.05)
        while await whole.database.fetch_value("SELECT count(*) FROM task WHERE NOT completed"):
            await asyncio.sleep(0.05)


async def test_one_trace_goes_from_the_request_to_the_callback_and_nothing_private_is_told(
    database: Database, bus: InProcess, tmp_path: Path
) -> None:
    """Spans, events, CloudEvents and log lines share one id; addresses, names, keys and queries are in none of them,
    nor in any metric, whose series stay few.
    """
    spans, published = InMemorySpanExporter(), list[EventEnvelope]()

    async def note(envelope: EventEnvelope) -> None:
        published.append(envelope)

    bus.listen_events("#", note)
    stop = export_to(SimpleSpanProcessor(spans), "postroom")
    try:
        with logged() as lines:
            async with (
                FakeRelay() as relay,
                Receiver(always_ok) as receiver,
                whole_on(database, bus, tmp_path, relay.port) as whole,
            ):
                await send_campaign(whole, f"{receiver.url}/hook?secret={CANARY}")
                for url in (
                    f"{whole.tracker.url}/o/{CANARY}?q={CANARY}",
                    f"{whole.api.url}/task?name={CANARY}&{CANARY}=1",
                ):
                    async with whole.session.get(url):
                        pass
                await until_told(whole, receiver, spans)
                samples, key = await whole.scrape(), whole.key
    finally:
        stop()

    _check_trace(spans)
    _check_told(published, lines.getvalue())
    shown = "".join(map(_words, spans.get_finished_spans())) + lines.getvalue() + str(samples)
    assert CANARY not in shown
    assert key.rpartition("_")[2] not in shown
    _check_series(samples)


def _words(span: Any) -> str:
    return str(span.to_json())


def _check_trace(spans: InMemorySpanExporter) -> None:
    """Each is below the request, or below one that is."""
    ours = {
        span.context.span_id: span for span in spans.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE
    }
    assert {span.name for span in ours.values()} >= {
        *(
            "http",
            "start campaign",
            "start task",
            "send batch",
            "complete task",
            "callback",
            "hint",
            "bus receive",
            "sql",
        ),
    }
    above = {span.parent.span_id for span in ours.values() if span.parent}
    assert above <= {*ours, int(TRACEPARENT[36:52], 16)}


def _check_series(samples: list[Any]) -> None:
    values = {value for sample in samples for label, value in sample.labels.items() if label not in ("le", "route")}
    assert [value for value in values if re.search(r"@|d\d+\.example|\d{5,}", value) and "127.0.0.1" not in value] == []
    routes = {sample.labels["route"] for sample in samples if "route" in sample.labels}
    assert [route for route in routes if re.search(r"/\d|\?", route)] == []
    assert len(samples) < MOST_SERIES
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    domains = {
        dict(labels)["domain"]: value
        for (name, labels), value in found.items()
        if name == "postroom_domain_messages_total" and ("taken", "yes") in labels
    }
    assert domains == {"gmail.com": TASKS + 1, "other": (PEOPLE - 1) * (TASKS + 1)}


def _check_told(published: list[EventEnvelope], lines: str) -> None:
    """On the bus and in the log."""
    assert {event.type for event in published if event.traceparent and TRACE in event.traceparent} >= {
        *("postroom.campaign.started", "postroom.task.created", "postroom.task.started", "postroom.task.completed"),
    }
    told = [json.loads(line) for line in lines.splitlines()]
    assert {line.get("action") for line in told if line.get("correlation") == TRACE} >= {
        *("request_answered", "campaign_started", "task_started", "batch_handed_over", "task_completed"),
        "callback_delivered",
    }
