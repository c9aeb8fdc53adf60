"""Concurrent writers of one process share a transaction.

While one commit is under way, whatever else arrives gathers; the next transaction takes it all. No timer: a lone writer
commits at once, a crowd pays for one fsync together. A group that is refused is halved until the culprit stands alone,
so one member's conflict is nobody else's. When Postgres was lost under it, nobody knows whether it committed: all are
told so, none is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.postgres.database import Contended, Unavailable
from shared.runtime.time_limit import TimeLimit

TRIES = 4  #: how often a group is stored anew that was rolled back for the sake of somebody else's

Item = TypeVar("Item")

Commit = Callable[[Sequence[Item]], Awaitable[None]]


class GroupCommit(Generic[Item]):
    """``commit`` stores all items of a group in one transaction, or raises and stores none of them."""

    def __init__(self, commit: Commit[Item], limit: int = 256) -> None:
        self._commit = commit
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: Item, limit: TimeLimit | None = None) -> None:
        """Returns once the item is committed. Raises what ``commit`` raised for it alone.

        Beyond ``limit`` it raises TimeoutError. Whether it is stored then, or when the caller is cancelled meanwhile,
        is not known.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        if limit is None:
            await done
        else:
            with limit.on(done):
                await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                group = self._waiting[: self._limit]
                await self._store(group)
                del self._waiting[: len(group)]
        finally:
            # Nobody is left here but when the work itself was cancelled, and then nobody may wait for ever.
            _fail(self._waiting, Unavailable("stopped before the commit was known"))
            self._waiting, self._worker = [], None

    async def _store(self, group: list[tuple[Item, asyncio.Future[None]]], tries: int = TRIES) -> None:
        try:
            await self._commit([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - those who wait for it raise it
            if isinstance(error, Contended) and tries > 1:
                await self._store(group, tries - 1)
            elif isinstance(error, Unavailable) or len(group) == 1:
                _fail(group, error)
            else:
                middle = len(group) // 2
                await self._store(group[:middle])
                await self._store(group[middle:])
        else:
            for _, done in group:
                if not done.done():
                    done.set_result(None)


def _fail(group: Sequence[tuple[object, asyncio.Future[None]]], error: Exception) -> None:
    for _, done in group:
        if not done.done():
            done.set_exception(error)
            done.exception()  # seen: a caller that left must not be reported as a forgotten failure
