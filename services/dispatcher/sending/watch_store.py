"""Watches whether the store is still the one that it was; when it is not, what the journals know comes first."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from services.dispatcher.sending.reconcile import reconcile
from services.dispatcher.sending.recover import Accepted
from services.dispatcher.sending.seen_store import recall, remember
from shared.domain.identifiers import Instant
from shared.postgres.database import Database
from shared.postgres.store_standing import Seen, Standing, look_at_store

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0


class StoreWatch:
    """``owner``: whose journal in ``folder`` is this process's own."""

    def __init__(
        self, database: Database, folder: Path, owner: int, now: Callable[[], Instant], accepted: Accepted
    ) -> None:
        self._database = database
        self._folder = folder
        self._owner = owner
        self._now = now
        self._accepted = accepted
        self._seen: Seen | None = None
        self._kept: Seen | None = None  #: what stands in the file
        self.let_go: Callable[[], Awaitable[None]] | None = None  #: ends what is held, as it may be somebody else's

    async def begin(self) -> None:
        """Before anything is claimed. Raises DatabaseError."""
        remembered = recall(self._folder)
        standing = await look_at_store(self._database)
        if remembered is not None and remembered.server == standing.seen.server:
            standing = await look_at_store(self._database, remembered)
        self._seen = remembered or standing.seen
        await self._follow(standing)

    async def look(self) -> bool:
        """Never more. Raises DatabaseError."""
        await self._follow(await look_at_store(self._database, self._seen))
        return False

    async def _follow(self, standing: Standing) -> None:
        before, seen = self._seen, standing.seen
        if before is not None and (before.server, before.store_epoch) != (seen.server, seen.store_epoch):
            told = {"epoch": seen.store_epoch, "lost_from": standing.lost_from, "held": standing.held_why}
            log.warning("the store has another history", action="store_changed", **told)
            if self.let_go is not None:
                await self.let_go()
            lost_from = standing.lost_from or seen.alive_at
            await reconcile(self._database, self._folder, self._owner, lost_from, self._now(), self._accepted)
        self._seen = seen
        if seen != self._kept:
            self._remember(seen)

    def _remember(self, seen: Seen) -> None:
        """A disk that takes nothing keeps nobody from sending: the journal says so itself."""
        try:
            remember(self._folder, seen)
        except OSError as error:
            log.warning("store not remembered", action="store_not_remembered", reason=error.strerror)
        else:
            self._kept = seen
