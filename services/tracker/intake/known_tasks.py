"""What the intake must know of a task, remembered for a minute: a genuine token does not prove its task."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.tracker.intake.statements import STATEMENTS
from shared.postgres.database import Database

KEPT_SECONDS: Final = 60.0
MOST_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownTask:
    recipients: int
    links: tuple[str, ...]  #: the n-th is link n, from 1


class KnownTasks:
    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._kept: dict[int, tuple[float, asyncio.Task[KnownTask | None]]] = {}

    async def find(self, task_id: int) -> KnownTask | None:
        """None: no such task, or its audience is not frozen. Who asks at the same time shares a statement.

        Raises DatabaseError.
        """
        until, asked = self._kept.get(task_id, (0.0, None))
        if asked is None or until <= self._monotonic():
            asked = self._keep(task_id)
        # Shielded: a reader who hangs up must not take the answer from the others.
        return await asyncio.shield(asked)

    def _keep(self, task_id: int) -> "asyncio.Task[KnownTask | None]":
        if len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        asked = asyncio.create_task(self._ask(task_id))
        self._kept[task_id] = (self._monotonic() + KEPT_SECONDS, asked)
        asked.add_done_callback(lambda done: self._forget_failure(task_id, done))
        return asked

    async def _ask(self, task_id: int) -> KnownTask | None:
        row = await self._database.fetch_row(STATEMENTS["known_task"], task_id)
        return KnownTask(row["recipients"], tuple(row["links"])) if row else None

    def _forget_failure(self, task_id: int, done: "asyncio.Task[KnownTask | None]") -> None:
        failed = done.cancelled() or done.exception() is not None or done.result() is None
        if failed and self._kept.get(task_id, (0.0, None))[1] is done:
            del self._kept[task_id]
