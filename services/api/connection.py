"""The listening side: HTTP/1.1 connections with every limit set, and problems also where no request could be read."""

import asyncio
import logging
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from services.api import problem
from services.api.problem import Problem
from shared.runtime import crash_points

log = structlog.get_logger(__name__)

MOST_CONNECTIONS: Final = 4096
FIRST_REQUEST_SECONDS: Final = (
    20.0  #: from connecting to a whole header; later requests fall under the keep-alive limit
)
LIMITS: Final[dict[str, Any]] = {
    "keepalive_timeout": 75.0,
    "lingering_time": 5.0,
    "max_line_size": 16_384,  # a long cursor and filters fit
    "max_field_size": 8_190,
    "max_headers": 100,
    "auto_decompress": False,  # bodies in an encoding are refused; unpacking them is where bombs go off
    "access_log": None,
    "logger": logging.getLogger("services.api.connection"),
}


class Listener(web.Server):
    """Gives each connection its limits."""

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **LIMITS)


class _Connection(RequestHandler):
    __slots__ = ("_first_request",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self._first_request: asyncio.TimerHandle | None = loop.call_later(FIRST_REQUEST_SECONDS, self._close_if_silent)
        if self._manager is not None and len(self._manager.connections) > MOST_CONNECTIONS:
            log.warning("too many connections", action="connection_refused")
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._first_request is not None:
            self._first_request.cancel()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        crash_points.reached("api.answered")
        return finished

    def _close_if_silent(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What was no HTTP, or an error behind the last line of defence."""
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer was sent already")
        if status >= 500:
            log.error("request failed", action="request_failed", exc_info=exc)
            answer = problem.unexpected()
        else:
            answer = Problem(status, "this is not a request that can be read")
        response = web.Response(
            status=answer.status, body=orjson.dumps(answer.body()), content_type=problem.CONTENT_TYPE
        )
        response.force_close()
        return response
