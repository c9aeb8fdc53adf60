"""The tracker's one port: the intake for readers, and health, readiness and metrics for those who run it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Middleware
from yarl import URL

from services.tracker.intake.web import MOST_BODY_BYTES, Handler, Intake
from services.tracker.metrics import Metrics
from shared.runtime import tracing
from shared.runtime.clock import monotonic, random_bytes
from shared.runtime.exposition import exposition
from shared.runtime.listener import Connection, Listener

MOST_LINE_BYTES: Final = 4096  #: of a request: its first line, and each header
REQUEST_SECONDS: Final = 30.0  #: from a whole header to an answer; storing a hit takes a few of them at most
SHUTDOWN_SECONDS: Final = 6.0  #: longer than a reader waits for his hit to be stored


def _is_ours(record: logging.LogRecord) -> bool:
    """Not what a stranger sent that is no HTTP: he is told so, but fills no log, and what he sent may be a token."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_LOGGER: Final = logging.getLogger(__name__)
_LOGGER.addFilter(_is_ours)


def _watched(metrics: Metrics) -> Middleware:
    """Measures each request, as part of its caller's trace or of one that begins here."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, status = monotonic(), 500
        asked = tracing.read_traceparent(request.headers.get("traceparent")) or tracing.new_traceparent(random_bytes)
        try:
            with tracing.joined(asked), tracing.span("tracker http"):
                async with asyncio.timeout(REQUEST_SECONDS):
                    response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as refused:
            status = refused.status
            raise
        except TimeoutError:
            status = 408
            return web.Response(status=408)
        finally:
            resource = request.match_info.route.resource
            route = resource.canonical if resource else "unknown"
            metrics.request_seconds.labels(route, str(status)).observe(monotonic() - began)

    return watch


@dataclass(frozen=True, slots=True)
class Site:
    """The application, and the connections that lead to it."""

    _app: web.AppRunner
    _connections: web.ServerRunner

    async def cleanup(self) -> None:
        await self._connections.cleanup()
        await self._app.cleanup()


async def open_site(
    host: str, port: int, intake: Intake, metrics: Metrics, ready: Callable[[], bool]
) -> tuple[Site, str]:
    """Listens, and answers the URL it is reached by. ``port`` 0: any free one. Raises OSError.

    Neither probe asks Postgres: while that is away, readers are better told so than sent to nobody.
    """

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_: web.Request) -> web.Response:
        usable = ready()
        return web.json_response({"status": "ok" if usable else "stopping"}, status=200 if usable else 503)

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=exposition(metrics.registry), content_type="text/plain")

    app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[_watched(metrics), intake.answer_safely])
    app.add_routes([web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", figures)])
    app.add_routes(intake.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    connections = await _connect(runner)
    try:
        await web.TCPSite(connections, host, port).start()
    except OSError:
        await Site(runner, connections).cleanup()
        raise
    return Site(runner, connections), str(URL.build(scheme="http", host=host, port=connections.addresses[0][1]))


async def _connect(runner: web.AppRunner) -> web.ServerRunner:
    """To an application that is set up. Whoever holds a connection for nothing loses it."""
    served = runner.server
    if served is None:
        raise RuntimeError("the application was not set up")
    limits = {"max_line_size": MOST_LINE_BYTES, "max_field_size": MOST_LINE_BYTES, "logger": _LOGGER}
    listener = Listener(served.request_handler, Connection, served.request_factory, **limits)
    connections = web.ServerRunner(listener, shutdown_timeout=SHUTDOWN_SECONDS)
    await connections.setup()
    return connections
