"""A collector of spans: OTLP over HTTP, as OpenTelemetry's own messages describe it, on a thread of its own."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PATH = "/v1/traces"


@dataclass(frozen=True)
class ReceivedSpan:
    """Ids in hexadecimal; ``above`` is empty where there is none. ``text``: all that was sent of it."""

    service: str
    name: str
    trace: str
    id: str
    above: str
    text: str


@dataclass
class Collector:
    url: str
    spans: list[ReceivedSpan] = field(default_factory=list)

    def take(self, request: ExportTraceServiceRequest) -> None:
        for of_service in request.resource_spans:
            names = {each.key: each.value.string_value for each in of_service.resource.attributes}
            self.spans += [
                ReceivedSpan(
                    names.get("service.name", ""),
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    str(span) + str(of_service.resource),
                )
                for scope in of_service.scope_spans
                for span in scope.spans
            ]


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            known = (self.path, self.headers["Content-Type"]) == (PATH, "application/x-protobuf")
            if known:
                collector.take(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}{PATH}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
