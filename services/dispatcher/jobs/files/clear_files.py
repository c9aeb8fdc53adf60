"""Removes files whose time is over, and what was begun and will not be finished."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from services.dispatcher.jobs.files.statements import STATEMENTS
from shared.domain.identifiers import Instant
from shared.object_store.interface import ObjectStore, ObjectStoreError
from shared.postgres.database import Database, Unavailable
from shared.runtime.lifecycle import Wakeup, run_loop

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 30.0  #: at most, between two looks
AT_ONCE: Final = 100
ORPHAN_LOOK_SECONDS: Final = 3_600.0  #: between two looks for these:
ORPHAN_SECONDS: Final = 86_400.0  #: after which an upload that no row knows is nobody's any more


class FileClearer:
    """``export_seconds``: how long a file is there."""

    def __init__(
        self, database: Database, objects: ObjectStore, now: Callable[[], Instant], export_seconds: float
    ) -> None:
        self._database = database
        self._objects = objects
        self._now = now
        self._look_seconds = min(LOOK_SECONDS, export_seconds)
        self._orphans_at = now() + ORPHAN_LOOK_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        passing = (Unavailable, ObjectStoreError)
        await run_loop("files", self.step, Wakeup(), stop, self._look_seconds, passing)

    async def step(self) -> bool:
        """Whether there may be more. Whoever else removes the same at the same moment does no harm."""
        rows = await self._database.fetch(STATEMENTS["files_to_remove"], AT_ONCE)
        for row in rows:
            await self._objects.abandon(row["key"], row["upload"])
            await self._objects.remove(row["key"])
        if rows:
            await self._database.execute(STATEMENTS["files_removed"], [row["key"] for row in rows])
            log.info("files removed", action="files_removed", files=len(rows))
        await self._look_for_orphans()
        return len(rows) == AT_ONCE

    async def _look_for_orphans(self) -> None:
        now = self._now()
        if now < self._orphans_at:
            return
        self._orphans_at = now + ORPHAN_LOOK_SECONDS
        rows = await self._database.fetch(STATEMENTS["unfinished_files"])
        known = {row["key"] for row in rows}
        if dropped := await self._objects.abandon_before(Instant(now - ORPHAN_SECONDS), known):
            log.info("uploads abandoned", action="uploads_abandoned", uploads=dropped)
