"""The same question to the database, asked by several at once, is answered by one look.

It begins after all of them have asked, so nobody is told less than a look of his own would tell. While one look at a
question is under way, whoever asks it gathers for the next: a thousand who post to one large list count it a few times.
"""

import asyncio
from typing import TypeAlias

from shared.postgres.database import Database, Row

Question: TypeAlias = tuple[str, tuple[object, ...]]  #: a statement and its arguments
Look: TypeAlias = asyncio.Task[list[Row]]


class LookTogether:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._gathering: dict[Question, Look] = {}  #: looks that have not begun
        self._under_way: dict[Question, Look] = {}

    async def fetch(self, statement: str, *args: object) -> list[Row]:
        """Raises as ``Database.fetch``, to everybody who shares the look. Who leaves takes nothing from the others."""
        question = (statement, args)
        look = self._gathering.get(question)
        if look is None:
            look = asyncio.create_task(self._look(question, self._under_way.get(question)))
            look.add_done_callback(_seen)
            self._gathering[question] = look
        return await asyncio.shield(look)

    async def _look(self, question: Question, before: Look | None) -> list[Row]:
        if before is not None:
            await asyncio.wait([before])
        self._under_way[question] = self._gathering.pop(question)
        try:
            statement, args = question
            return await self._database.fetch(statement, *args)
        finally:
            del self._under_way[question]


def _seen(look: Look) -> None:
    """All who asked may have left: an error is then nobody's, and no oversight."""
    if not look.cancelled():
        look.exception()
