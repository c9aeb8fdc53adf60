"""A task and a campaign from POST to mails and callbacks: what logs, metrics and spans tell of them, and what not."""

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

from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.postgres.database import Database
from shared.runtime.open_telemetry import start_export
from shared.runtime.tracing import tell_correlation
from tests.integration.watching.whole import Whole, whole_on
from tests.sinks.fake_relay import FakeRelay
from tests.sinks.otlp_collector import Collector, collecting
from tests.sinks.receiver import Receiver, always_ok

OF_CAMPAIGN: Final = "4bf92f3577b34da6a3ce929d0e0e4736"  #: traces
OF_TASK: Final = "0af7651916cd43dd8448eb211c80319c"
ABOVE: Final = "00f067aa0ba902b7"  #: the span of whoever asks
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
            tell_correlation,
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
    """All that makes the campaign is asked for in one trace, and one of the tasks that go beside it in another."""
    made = await whole.call("POST", "/list", {"name": f"{CANARY} list"})
    people = [{"email": f"{CANARY}.{n}@d{n}.example", "vars": {"name": CANARY}} for n in range(PEOPLE - 1)]
    await whole.call("POST", f"/list/{made['id']}/subscriber", [*people, {"email": f"{CANARY}@gmail.com"}])
    message = await whole.call("POST", "/message", MESSAGE)
    for number in range(TASKS):
        task = {"channel": "email", "list_id": made["id"], "message_id": message["id"], "scheduledtime": 0}
        trace = traced(OF_TASK) if number == 0 else None
        await whole.call("POST", "/task", {**task, "name": f"{CANARY} {number}"}, trace)
    domain = await whole.call("POST", "/domain", {"name": "bounce.example.com", "bouncing": True})
    wish = {"name": CANARY, "list": made["id"], "domain": domain["id"], "event_callback": callback}
    campaign = await whole.call("POST", "/campaign", {**wish, "when": 0, "state": "SCHEDULED"}, traced(OF_CAMPAIGN))
    payload = {"channel": "email", "message_id": message["id"]}
    await whole.call("POST", f"/campaign/{campaign['id']}/payload", payload, traced(OF_CAMPAIGN))
    return int(campaign["id"])


def traced(trace: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{ABOVE}-01"}


async def until_told(whole: Whole, lines: io.StringIO) -> None:
    async with asyncio.timeout(60):
        while "callback_delivered" not in lines.getvalue():
            await asyncio.sleep(0.05)
        while await whole.database.fetch_value("SELECT count(*) FROM task WHERE NOT completed"):
            await asyncio.sleep(0.05)


async def test_one_trace_goes_from_post_to_callback_and_nothing_private_is_told(
    database: Database, bus: InProcess, tmp_path: Path
) -> None:
    """Spans, events, CloudEvents and log lines share one id; addresses, names, keys and queries are in none of them,
    nor in any metric, whose series stay few. The spans are those that a collector was sent.
    """
    published = list[EventEnvelope]()

    async def note(envelope: EventEnvelope) -> None:
        published.append(envelope)

    bus.listen_events("#", note)
    with collecting() as collector, logged() as lines:
        stop = start_export(collector.url, "postroom-test")
        try:
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
                await until_told(whole, lines)
                samples, key = await whole.scrape(), whole.key
        finally:
            stop()

    _check_trace(collector, OF_CAMPAIGN, {"start campaign", "callback"})
    _check_trace(collector, OF_TASK, {"hint", "bus receive"})
    _check_told(published, lines.getvalue())
    shown = "".join(span.text for span in collector.spans) + lines.getvalue() + str(samples)
    assert CANARY not in shown
    assert key.rpartition("_")[2] not in shown
    _check_series(samples)


def _check_trace(collector: Collector, trace: str, more: set[str]) -> None:
    """Each is below the request, or below one that is; among them are those of HTTP, SQL and SMTP."""
    ours = [span for span in collector.spans if span.trace == trace]
    assert {span.name for span in ours} >= {"http", "sql", "start task", "send batch", "smtp", "complete task", *more}
    assert {span.service for span in ours} == {"postroom-test"}
    assert {span.above for span in ours} <= {ABOVE, *(span.id for span in ours)}
    assert {span.name for span in ours if span.above == ABOVE} >= {"http"}


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
    told = [json.loads(line) for line in lines.splitlines()]
    events = {"postroom.task.created", "postroom.task.started", "postroom.task.completed"}
    actions = {"request_answered", "task_started", "batch_handed_over", "task_completed"}
    for trace, more, also in (
        (OF_TASK, set(), set()),
        (
            OF_CAMPAIGN,
            {"postroom.campaign.created", "postroom.campaign.started"},
            {"campaign_started", "callback_delivered"},
        ),
    ):
        heard = {event.type for event in published if event.traceparent and trace in event.traceparent}
        assert heard >= {*events, *more}
        assert {line.get("action") for line in told if line.get("correlation") == trace} >= {*actions, *also}
