"""Sessions that were signed out of: known to every replica until their cookies are too old anyway."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.api.console.session import LONGEST, Session
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("ended_sessions.sql"))

FORGOTTEN_AT_ONCE: Final = 1_000
BELIEVED_SECONDS: Final = 5.0  #: as long as a key is
MOST_BELIEVED: Final = 1_000


@dataclass(slots=True)
class EndedSessions:
    """All methods raise Unavailable."""

    database: Database
    monotonic: Callable[[], float]
    _going_on: dict[bytes, float] = field(default_factory=dict)  #: until when that is believed, by name

    async def end(self, session: Session) -> None:
        """Harmless to repeat."""
        await self.database.execute(QUERIES["end_session"], session.name, session.began + LONGEST)
        self._going_on.pop(session.name, None)

    async def hold(self, session: Session) -> bool:
        """Asked at each request, so that it is over at once."""
        ended = bool(await self.database.fetch_value(QUERIES["session_ended"], session.name))
        self._going_on.pop(session.name, None)
        if not ended:
            if len(self._going_on) >= MOST_BELIEVED:
                self._going_on.clear()
            self._going_on[session.name] = self.monotonic() + BELIEVED_SECONDS
        return ended

    async def held_lately(self, session: Session) -> bool:
        """For streams, which ask with every figure: as it was a few seconds ago; one signed out of here is known."""
        if self._going_on.get(session.name, 0.0) > self.monotonic():
            return False
        return await self.hold(session)


async def forget_over(database: Database) -> bool:
    """Whether there may be more. Raises DatabaseError."""
    return await database.execute(QUERIES["forget_over"], FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE
