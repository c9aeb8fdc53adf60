"""The trace that work belongs to: what is taken for one, and what it costs when nobody exports."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.dispatcher.decisions.name_domain import count_by_domain, named_domains
from shared.bus.hint_codec import Unreadable, decode_hint, encode_hint
from shared.bus.interface import Hint
from shared.event_store.interface import Actor
from shared.runtime import tracing
from shared.runtime.exposition import exposition
from shared.runtime.open_telemetry import start_export
from shared.runtime.settings import BadSettings

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@given(st.text(max_size=80) | st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\n?", fullmatch=True))
def test_whatever_a_caller_sends_is_a_traceparent_as_it_is_or_none(text: str) -> None:
    assert tracing.read_traceparent(text) in (text, None)


@pytest.mark.parametrize(
    "text",
    [
        *("", TRACEPARENT.upper(), TRACEPARENT + "\n", TRACEPARENT + "-x", TRACEPARENT.replace("00-4", "01-4")),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
def test_what_is_no_traceparent_begins_no_trace(text: str) -> None:
    with tracing.joined(text):
        assert tracing.current() is None


def test_a_request_is_of_its_callers_trace_or_of_a_new_one() -> None:
    """Whatever is logged meanwhile says which, and afterwards nothing is."""
    with tracing.asked_by(TRACEPARENT, bytes):
        told = tracing.tell_correlation(None, "info", {"event": "x"})
    with tracing.asked_by("no trace", lambda count: bytes(range(1, count + 1))):
        begun = tracing.current()

    assert told == {"event": "x", "correlation": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert begun == "00-0102030405060708090a0b0c0d0e0f10-1112131415161718-01"
    assert tracing.read_traceparent(begun) == begun
    assert tracing.tell_correlation(None, "info", {"event": "x"}) == {"event": "x"}


def test_an_actor_acts_in_the_trace_that_is_under_way() -> None:
    with tracing.joined(TRACEPARENT):
        assert Actor(1).correlation == TRACEPARENT
    assert Actor(1).correlation is None


def test_a_hint_keeps_its_trace_on_the_bus_and_one_of_an_older_version_has_none() -> None:
    read = decode_hint(encode_hint(Hint("task_due", 7, traceparent=TRACEPARENT)))
    older = decode_hint(b'{"topic":"task_due","key":7,"extra":[]}')

    assert not isinstance(read, Unreadable)
    assert read.traceparent == TRACEPARENT
    assert older == read
    assert isinstance(decode_hint(b'{"topic":"task_due","key":7,"extra":[],"traceparent":"x"}'), Unreadable)


def test_without_an_exporter_a_span_is_nothing() -> None:
    start_export("", "postroom")()
    with tracing.joined(TRACEPARENT), tracing.span("anything"):
        assert tracing.current() == TRACEPARENT


def test_a_collector_without_the_extra_is_a_setting_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(BadSettings, match="postroom\\[otel\\]"):
        start_export("http://127.0.0.1:4318/v1/traces", "postroom")


def test_services_in_one_process_add_up_their_counts_and_tell_the_rest_once() -> None:
    registries = [CollectorRegistry(), CollectorRegistry()]
    for number, registry in enumerate(registries, start=1):
        Counter("postroom_x", "x", ["why"], registry=registry).labels("a").inc(number)
        Gauge("postroom_y", "y", registry=registry).set(number)

    lines = exposition(*registries).decode().splitlines()

    assert 'postroom_x_total{why="a"} 3.0' in lines
    assert [line for line in lines if line.startswith("postroom_y")] == ["postroom_y 1.0"]


def test_domains_have_names_where_they_are_large_or_limited() -> None:
    """However many domains there are, and whatever a limit names."""
    named = named_domains(f"limited{number}.example" for number in range(1_000))
    people = [f"p@d{number}.example" for number in range(5_000)] + ["a@GMAIL.com", "b@limited0.example"]

    assert count_by_domain(people, named) == {"other": 5_000, "gmail.com": 1, "limited0.example": 1}
    assert len(named) < 150
