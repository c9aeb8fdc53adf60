"""The listening side: HTTP/1.1 connections with every limit set, and problems also where no request could be read."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from services.api import problem
from services.api.problem import Problem
from shared.runtime import crash_points
from shared.runtime.listener import Connection, Listener

log = structlog.get_logger(__name__)

_LIMITS: Final[dict[str, Any]] = {
    "max_line_size": 16_384,  # a long cursor and filters fit
    "max_field_size": 8_190,
    "max_headers": 100,
    "logger": logging.getLogger("services.api.connection"),
}


def listener(respond: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> Listener:
    return Listener(respond, ApiConnection, **_LIMITS)


class ApiConnection(Connection):
    __slots__ = ()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        crash_points.reached("api.answered")
        return finished

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
