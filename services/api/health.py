"""Can this process do its work? Alive is a matter of answering, ready one of being able to write to Postgres."""

from collections.abc import Callable
from typing import Final

from services.api.authenticate import QUERIES
from shared.postgres.database import Database, DatabaseError

PROBE_SECONDS: Final = 5.0
UNREADY_SECONDS: Final = 30.0  #: how long writing must have been impossible; a failover is shorter


class Readiness:
    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._wrote_at = monotonic()

    async def probe(self) -> bool:
        """Writes and remembers when it could. Answers False: the next probe has time."""
        began = self._monotonic()
        try:
            await self._database.execute(QUERIES["write_nothing"])
            self._wrote_at = began
        except DatabaseError:
            pass
        return False

    def ready(self) -> bool:
        return self._monotonic() - self._wrote_at < UNREADY_SECONDS
