"""HTTP connections that nobody holds for nothing: whoever asks or reads too slowly loses his, and they are counted."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

log = structlog.get_logger(__name__)

MOST_CONNECTIONS: Final = 4096
#: From connecting to a whole header; later requests fall under the keep-alive limit.
FIRST_REQUEST_SECONDS: Final = 20.0
STALLED_SECONDS: Final = 60.0  #: so long somebody may leave what he was answered unread
LIMITS: Final[Mapping[str, Any]] = {
    "keepalive_timeout": 75.0,
    "lingering_time": 5.0,
    "auto_decompress": False,  # bodies in an encoding are refused; unpacking them is where bombs go off
    "access_log": None,  # paths may be tokens
}


class Connection(RequestHandler):
    __slots__ = ("_first_request", "_stalled")

    first_request_seconds: ClassVar[float] = FIRST_REQUEST_SECONDS
    stalled_seconds: ClassVar[float] = STALLED_SECONDS
    most_connections: ClassVar[int] = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self._stalled: asyncio.TimerHandle | None = None
        self._first_request: asyncio.TimerHandle | None = loop.call_later(
            self.first_request_seconds, self._close_if_silent
        )
        if self._manager is not None and len(self._manager.connections) > self.most_connections:
            log.warning("too many connections", action="connection_refused")
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._first_request, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More lies ready for him than fits: he has so long to take it, and a drop now and then does not count."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = asyncio.get_running_loop().call_later(self.stalled_seconds, self._abort)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _close_if_silent(self) -> None:
        if self._request_count == 0:
            self.force_close()

    def _abort(self) -> None:
        if self.transport is not None:
            log.info("an answer was not read", action="connection_stalled")
            self.transport.abort()


class Listener(web.Server):
    """Makes the connections, all with the same limits: what ``RequestHandler`` takes beside ``LIMITS``."""

    def __init__(self, handler: Any, connection: type[Connection], request_factory: Any = None, **limits: Any) -> None:
        super().__init__(handler, request_factory=request_factory)
        self._connection = connection
        self._limits = {**LIMITS, **limits}

    def __call__(self) -> RequestHandler:
        return self._connection(self, loop=asyncio.get_running_loop(), **self._limits)
