"""The tracker's one port: the intake for readers, and health, readiness and metrics for those who run it."""

import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import generate_latest
from yarl import URL

from services.tracker.intake.web import MOST_BODY_BYTES, Intake
from services.tracker.metrics import Metrics

MOST_LINE_BYTES: Final = 4096  #: of a request: its first line, and each header
SHUTDOWN_SECONDS: Final = 6.0  #: longer than a reader waits for his hit to be stored


def _is_ours(record: logging.LogRecord) -> bool:
    """Not what a stranger sent that is no HTTP: he is told so, but fills no log, and what he sent may be a token."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


_LOGGER: Final = logging.getLogger(__name__)
_LOGGER.addFilter(_is_ours)


async def open_site(
    host: str, port: int, intake: Intake, metrics: Metrics, ready: Callable[[], bool]
) -> tuple[web.AppRunner, str]:
    """Listens, and answers the URL it is reached by. ``port`` 0: any free one. Raises OSError.

    Neither probe asks Postgres: while that is away, readers are better told so than sent to nobody.
    """

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readiness(_: web.Request) -> web.Response:
        usable = ready()
        return web.json_response({"status": "ok" if usable else "stopping"}, status=200 if usable else 503)

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), content_type="text/plain")

    app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[intake.answer_safely])
    app.add_routes([web.get("/healthz", health), web.get("/readyz", readiness), web.get("/metrics", figures)])
    app.add_routes(intake.routes())
    # No access log: the paths are tokens. Nothing is unpacked: no body that is understood comes packed.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_LOGGER,
        auto_decompress=False,
        max_line_size=MOST_LINE_BYTES,
        max_field_size=MOST_LINE_BYTES,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, str(URL.build(scheme="http", host=host, port=runner.addresses[0][1]))
