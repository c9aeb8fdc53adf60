"""The port that bounces and complaints come to by mail: who is connected, and how it ends."""

import asyncio
from typing import Final

from yarl import URL

from services.tracker.intake.bounce_session import GOING_DOWN, TOO_BUSY, BounceSession
from services.tracker.intake.bounces import BounceIntake

MOST_CONNECTIONS: Final = 200  #: each keeps less than half a megabyte
SHUTDOWN_SECONDS: Final = 6.0  #: longer than a mail waits to be stored


class BouncePort:
    def __init__(self, intake: BounceIntake) -> None:
        self.url = ""
        self._intake = intake
        self._server: asyncio.Server | None = None
        self._sessions: set[BounceSession] = set()
        self._stopping = False
        self._left = asyncio.Event()

    async def open(self, host: str, port: int) -> None:
        """Listens; ``port`` 0: on any free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: BounceSession(self._intake, self), host, port)
        self.url = str(URL.build(scheme="smtp", host=host, port=self._server.sockets[0].getsockname()[1]))

    @property
    def connections(self) -> int:
        return len(self._sessions)

    async def stop(self) -> None:
        """Mails that are under way are answered, at most so long; their relays bring all others again."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.end(GOING_DOWN)
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while self._sessions:
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            for session in list(self._sessions):
                session.abort()
        self._intake.readers.shutdown(wait=False, cancel_futures=True)

    def enter(self, session: BounceSession) -> None:
        if self._stopping or len(self._sessions) >= MOST_CONNECTIONS:
            self._intake.metrics.turned_away.labels("connections").inc()
            session.end(GOING_DOWN if self._stopping else TOO_BUSY)
        self._sessions.add(session)

    def leave(self, session: BounceSession) -> None:
        self._sessions.discard(session)
        self._left.set()
