"""Spans by OpenTelemetry, for those who installed the extra ``otel`` and named a collector. Nobody else loads it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.runtime import tracing
from shared.runtime.settings import BadSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor


def start_export(url: str, service: str) -> Callable[[], None]:
    """Sends spans to the collector at ``url`` (OTLP over HTTP) on a thread of its own; a collector that is away costs
    spans and nothing else. What it gives back sends what is left. Empty ``url``: nothing is made or sent.

    Raises BadSettings when the extra is not installed.
    """
    if not url:
        return lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise BadSettings(["POSTROOM_OTLP_URL: wants the extra otel: install postroom[otel]"]) from error
    return export_to(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=5)), service)


def export_to(processor: "SpanProcessor", service: str) -> Callable[[], None]:
    """Gives each span to ``processor``, until what it gives back is called."""
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("postroom")

    @contextmanager
    def make(name: str, above: str, attributes: dict[str, str | int]) -> Iterator[str]:
        parent = trace.SpanContext(
            int(above[3:35], 16),
            int(above[36:52], 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(int(above[53:], 16)),
        )
        within = trace.set_span_in_context(trace.NonRecordingSpan(parent))
        # What goes wrong is told by its class alone: its text may hold what no span may.
        with tracer.start_as_current_span(name, within, attributes=attributes, record_exception=False) as made:
            its = made.get_span_context()
            yield f"00-{its.trace_id:032x}-{its.span_id:016x}-{int(its.trace_flags):02x}"

    tracing.export(make)

    def stop() -> None:
        tracing.export(None)
        provider.shutdown()

    return stop
