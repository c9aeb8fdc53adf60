"""Finishes an erasure: blanks the person's contact records chunk by chunk, and waits for what is under way to him."""

import asyncio
from typing import Final

from pyroaring import BitMap

from services.api.resources.subscriber.erase import STATEMENTS
from shared.postgres.database import Database

TASKS_AT_ONCE: Final = 200
LOOK_SECONDS: Final = 0.1  #: between two looks at what a sender holds
LEFT_SECONDS: Final = 90.0  #: longer than any request takes: nobody is at it any more


async def finish(database: Database, account_id: int, subscriber_id: int) -> None:
    """Returns once nothing of his is left and nothing is on its way to him. Again it changes nothing."""
    # What was being frozen when he went is over once its row can be locked.
    await database.fetch(STATEMENTS["hold_freezing"], account_id)
    while await _blank_chunk(database, account_id, subscriber_id):
        pass
    await _wait(database, account_id, subscriber_id)
    # Once more what came in from those who had his address in hand; the rest were told by now.
    await database.execute(STATEMENTS["blank_suppressions"], account_id, subscriber_id, [], [])
    await database.execute(STATEMENTS["blank_notices"], account_id, subscriber_id, [])
    await database.execute(STATEMENTS["finish_erasure"], subscriber_id)


async def finish_left(database: Database) -> bool:
    """One that was broken off. Whether there may be more. Raises DatabaseError."""
    row = await database.fetch_row(STATEMENTS["left_unfinished"], LEFT_SECONDS)
    if row is None:
        return False
    await finish(database, row["account_id"], row["subscriber_id"])
    return True


async def _blank_chunk(database: Database, account_id: int, subscriber_id: int) -> bool:
    """Whether there may be more tasks."""
    page = await database.fetch(STATEMENTS["tasks_that_reached"], account_id, subscriber_id, TASKS_AT_ONCE)
    if not page:
        return False
    reached = [(row["id"], row["ordinal"]) for row in page if row["ordinal"] is not None]
    async with database.transaction() as connection:
        if reached:
            await connection.execute(
                STATEMENTS["blank_contact_records"], [task for task, _ in reached], [place for _, place in reached]
            )
        await connection.execute(STATEMENTS["note_reached"], subscriber_id, page[-1]["id"])
    return len(page) == TASKS_AT_ONCE


async def _wait(database: Database, account_id: int, subscriber_id: int) -> None:
    """Until whoever may have his address in memory is done with it, or has lost the right to send."""
    rows = await database.fetch(STATEMENTS["batches_at_work"], account_id, subscriber_id)
    held = [
        (row["task_id"], row["number"], row["epoch"])
        for row in rows
        if row["ordinal"] is not None and row["ordinal"] in BitMap.deserialize(row["ordinals"])
    ]
    columns = [list(column) for column in zip(*held, strict=True)] if held else [[], [], []]
    while True:
        if not await database.fetch_value(STATEMENTS["still_at_work"], *columns, account_id, subscriber_id):
            return
        await asyncio.sleep(LOOK_SECONDS)
