"""What the intake must know of a task, remembered for a minute: a genuine token does not prove its task.

While Postgres is away the copy on our own disk answers. It does not become wrong: no token is sent before the audience
is frozen, and then neither its size nor the links change.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from services.tracker.intake.journal import HitJournal
from services.tracker.intake.statements import STATEMENTS
from services.tracker.intake.task_copy import KnownTask, TaskCopy
from shared.postgres.database import Database, Row, Unavailable

KEPT_SECONDS: Final = 60.0
MOST_KEPT: Final = 10_000
COPY_SECONDS: Final = 2.0  #: how often the copy is brought up to date
NEWEST: Final = 200  #: tasks that are looked at beside those under way, as small ones are over at once
AT_FIRST: Final = 5_000  #: the same when a tracker starts
MOST_COPIED: Final = 500  #: in one statement
TRY_SECONDS: Final = 1.5  #: how long Postgres is waited for before the copy is asked


class KnownTasks:
    def __init__(self, database: Database, journal: HitJournal, copy: TaskCopy, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._journal = journal
        self._copy = copy
        self._monotonic = monotonic
        self._kept: dict[int, tuple[float, asyncio.Task[KnownTask | None]]] = {}
        self._newest = AT_FIRST

    async def find(self, task_id: int) -> KnownTask | None:
        """None: no such task, or its audience is not frozen. Who asks at the same time shares a statement.

        Raises DatabaseError; Unavailable means that Postgres is away and the copy knows nothing of it.
        """
        until, asked = self._kept.get(task_id, (0.0, None))
        if asked is None or until <= self._monotonic():
            asked = self._keep(task_id)
        # Shielded: a reader who hangs up must not take the answer from the others.
        return asked.result() if asked.done() else await asyncio.shield(asked)

    async def copy_recent(self) -> bool:
        """All there is; never more. Raises DatabaseError."""
        rows = await self._database.fetch(STATEMENTS["recent_tasks"], self._newest)
        missing = self._copy.missing([row["id"] for row in rows])
        for piece in range(0, len(missing), MOST_COPIED):
            found = await self._database.fetch(STATEMENTS["known_tasks"], missing[piece : piece + MOST_COPIED])
            self._copy.add(_known(found))
        self._newest = NEWEST
        return False

    def _keep(self, task_id: int) -> "asyncio.Task[KnownTask | None]":
        if len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))
        asked = asyncio.create_task(self._ask(task_id))
        self._kept[task_id] = (self._monotonic() + KEPT_SECONDS, asked)
        asked.add_done_callback(lambda done: self._forget_failure(task_id, done))
        return asked

    async def _ask(self, task_id: int) -> KnownTask | None:
        try:
            known = await self._found(task_id)
        except Unavailable:
            copied = self._copy.get(task_id)
            if copied is None:
                raise
            return copied
        self._copy.add(known)
        return known.get(task_id)

    async def _found(self, task_id: int) -> Mapping[int, KnownTask]:
        """In Postgres, which is not even tried while it is known to be away. Raises DatabaseError."""
        if self._journal.away:
            raise Unavailable("Postgres is away")
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return _known(await self._database.fetch(STATEMENTS["known_tasks"], [task_id]))
        except TimeoutError as error:
            raise Unavailable("Postgres does not answer") from error

    def _forget_failure(self, task_id: int, done: "asyncio.Task[KnownTask | None]") -> None:
        failed = done.cancelled() or done.exception() is not None or done.result() is None
        if failed and self._kept.get(task_id, (0.0, None))[1] is done:
            del self._kept[task_id]


def _known(rows: Sequence[Row]) -> Mapping[int, KnownTask]:
    return {row["id"]: KnownTask(row["recipients"], tuple(row["links"])) for row in rows}
