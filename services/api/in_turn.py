"""Requests of this process that would only lose to each other in the database go one after the other instead."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class InTurn:
    """Between processes nothing is promised: there the version or the key decides."""

    _locks: dict[Hashable, tuple[asyncio.Lock, int]] = field(
        default_factory=dict
    )  #: the lock and who holds or awaits it

    @asynccontextmanager
    async def turn(self, name: Hashable) -> AsyncIterator[None]:
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[name]
            if users == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, users - 1)
