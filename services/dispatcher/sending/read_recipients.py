"""Reads whom a batch goes to."""

from collections.abc import Sequence

from services.dispatcher.sending.statements import STATEMENTS
from shared.postgres.database import Database, Row


async def read_recipients(database: Database, task_id: int, ordinals: Sequence[int], list_id: int | None) -> list[Row]:
    """Rows of ``recipients_of_batch``, lowest ordinals first. Raises DatabaseError."""
    async with database.transaction() as connection:
        await connection.execute(STATEMENTS["plan_once"])
        return await connection.fetch(STATEMENTS["recipients_of_batch"], task_id, ordinals, list_id)
