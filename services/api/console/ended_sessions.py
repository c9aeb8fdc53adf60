"""Sessions that were signed out of: known to every replica until their cookies are too old anyway."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.api.console.session import LONGEST, Session
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("ended_sessions.sql"))

FORGOTTEN_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class EndedSessions:
    """All methods raise Unavailable."""

    database: Database

    async def end(self, session: Session) -> None:
        """Harmless to repeat."""
        await self.database.execute(QUERIES["end_session"], session.name, session.began + LONGEST)

    async def hold(self, session: Session) -> bool:
        """Asked at each request, so that it is over at once."""
        return bool(await self.database.fetch_value(QUERIES["session_ended"], session.name))


async def forget_over(database: Database) -> bool:
    """Whether there may be more. Raises DatabaseError."""
    return await database.execute(QUERIES["forget_over"], FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE
