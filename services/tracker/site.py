"""The tracker's one port: the intake for readers, and health, readiness and metrics for those who run it."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from yarl import URL

from services.tracker.intake.routes import Answerer, Route, Routes
from services.tracker.intake.web import HEADERS, MOST_BODY_BYTES, Intake
from services.tracker.metrics import Metrics
from shared.runtime import tracing
from shared.runtime.clock import monotonic, random_bytes
from shared.runtime.exposition import exposition
from shared.runtime.listener import Connection, Listener

MOST_LINE_BYTES: Final = 4096  #: of a request: its first line, and each header
#: From a whole header to an answer, where a body may still be to come. Who asks for a picture or a page waits for
#: nobody but Postgres and the journal, a few seconds at most.
REQUEST_SECONDS: Final = 30.0
SHUTDOWN_SECONDS: Final = 6.0  #: longer than a reader waits for his hit to be stored


def _is_ours(record: logging.LogRecord) -> bool:
    """Not what a stranger sent that is no HTTP: he is told so, but fills no log, and what he sent may be a token."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_LOGGER: Final = logging.getLogger(__name__)
_LOGGER.addFilter(_is_ours)


class _Answering:
    """Each request, from its path to an answer, measured, as part of its caller's trace or of one that begins here."""

    def __init__(self, intake: Intake, routes: Routes, metrics: Metrics) -> None:
        self._intake = intake
        self._routes = routes
        self._metrics = metrics

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        began, status, route = monotonic(), 500, "unknown"
        try:
            with tracing.asked_by(request.headers.get("traceparent"), random_bytes), tracing.span("tracker http"):
                route, answerer, said = self._find(request)
                if request.method in ("GET", "HEAD"):
                    response = await self._intake.answer_safely(answerer, request, said)
                else:
                    async with asyncio.timeout(REQUEST_SECONDS):
                        await _let_body_come(request)
                        response = await self._intake.answer_safely(answerer, request, said)
            status = response.status
            return response
        except web.HTTPException as refused:
            status = refused.status
            refused.headers.update(HEADERS)
            raise
        except TimeoutError:
            status = 408
            return web.Response(status=408)
        finally:
            self._metrics.time_request(route, status, monotonic() - began)

    def _find(self, request: web.BaseRequest) -> tuple[str, Answerer, str]:
        """What it is called in the metrics, who answers, and the token. Raises HTTPNotFound, HTTPMethodNotAllowed."""
        found = self._routes.find(request.rel_url.raw_path)
        if found is None:
            raise web.HTTPNotFound
        route, said = found
        answerer = route.answerer(request.method)
        if answerer is None:
            raise web.HTTPMethodNotAllowed(request.method, route.allowed)
        return route.path, answerer, said


async def _let_body_come(request: web.BaseRequest) -> None:
    """Who asks whether to send a body waits for a word (RFC 9110, 10.1.1), but for who speaks HTTP/1.0 and would take
    it for the answer. Raises HTTPExpectationFailed.
    """
    expected = request.headers.get("Expect")
    if expected is None or request.version < HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="only 100-continue can be expected")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # that was no part of the answer


async def open_site(
    host: str, port: int, intake: Intake, metrics: Metrics, ready: Callable[[], bool]
) -> tuple[web.ServerRunner, str]:
    """Listens, and answers the URL it is reached by. ``port`` 0: any free one. Raises OSError."""
    routes = Routes([*_for_those_who_run_it(metrics, ready), *intake.routes()])
    connections = await _connect(_Answering(intake, routes, metrics))
    try:
        await web.TCPSite(connections, host, port).start()
    except OSError:
        await connections.cleanup()
        raise
    return connections, str(URL.build(scheme="http", host=host, port=connections.addresses[0][1]))


def _for_those_who_run_it(metrics: Metrics, ready: Callable[[], bool]) -> list[Route]:
    """Neither probe asks Postgres: while that is away, readers are better told so than sent to nobody."""

    async def health(_: web.BaseRequest, __: str) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_: web.BaseRequest, __: str) -> web.Response:
        usable = ready()
        return web.json_response({"status": "ok" if usable else "stopping"}, status=200 if usable else 503)

    async def figures(_: web.BaseRequest, __: str) -> web.Response:
        return web.Response(body=exposition(metrics.registry), content_type="text/plain")

    pages = {"/healthz": health, "/readyz": readiness, "/metrics": figures}
    return [Route(path, {"GET": page}) for path, page in pages.items()]


async def _connect(answering: _Answering) -> web.ServerRunner:
    """Whoever holds a connection for nothing loses it."""
    limits = {"max_line_size": MOST_LINE_BYTES, "max_field_size": MOST_LINE_BYTES, "logger": _LOGGER}
    listener = Listener(answering.answer, Connection, _with_small_body, **limits)
    connections = web.ServerRunner(listener, shutdown_timeout=SHUTDOWN_SECONDS)
    await connections.setup()
    return connections


def _with_small_body(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MOST_BODY_BYTES)
