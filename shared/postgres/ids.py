"""Ids from database sequences, a block at a time, so that making one costs no round trip."""

import asyncio

from shared.postgres.database import Database

_TAKE = "SELECT nextval($1::text::regclass) FROM generate_series(1, $2)"


class Ids:
    """``await ids.next("task_id")``. Ids are unique and rise within a process; a restart leaves a gap."""

    def __init__(self, database: Database, block: int = 50) -> None:
        self._database = database
        self._block = block
        self._ready: dict[str, list[int]] = {}
        self._taking = asyncio.Lock()  # of several who find a block used up, one takes the next

    async def next(self, sequence: str) -> int:
        async with self._taking:
            if not self._ready.get(sequence):
                self._ready[sequence] = (await self.take(sequence, self._block))[::-1]
            return self._ready[sequence].pop()

    async def take(self, sequence: str, count: int) -> list[int]:
        """``count`` fresh ids in rising order, for a batch."""
        return sorted(row[0] for row in await self._database.fetch(_TAKE, sequence, count))
