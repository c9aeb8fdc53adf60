"""Freezes the audience of a task of a split test: those who were drawn for it, page by page, from the one audience.

Who that is follows from the seed and the sizes that the split test has recorded, so each takeover finds the same.
"""

import asyncio

from pyroaring import BitMap

from services.dispatcher.planner.splittests.statements import STATEMENTS
from shared.domain.draw_shares import draw_shares
from shared.postgres.database import Database, Row


async def freeze_share(database: Database, claimed: Row, rows: int, lease_seconds: float) -> None:
    """``claimed``: the row of ``claim_freezing``; ``rows``: of one transaction.

    Ends at the last page, or when the task was cancelled or somebody took over.
    """
    drawn = await database.fetch_row(STATEMENTS["drawn"], claimed["splittest_id"])
    if drawn is None:
        raise LookupError(f"there is no split test {claimed['splittest_id']}")
    members = await _members(drawn, claimed["task_id"])
    reached: int = claimed["next_ordinal"]
    while page := members[reached : reached + rows]:
        async with database.transaction() as connection:
            await connection.execute(STATEMENTS["go_by_index"])
            ours: bool = await connection.fetch_value(
                STATEMENTS["freeze_share"],
                claimed["task_id"],
                claimed["epoch"],
                reached,
                list(page),
                drawn["rest_task_id"],
                lease_seconds,
            )
        if not ours:
            return
        reached += len(page)


async def _members(drawn: Row, task_id: int) -> BitMap:
    """Drawn beside the loop: of a million recipients it takes half a second."""
    shares = await asyncio.to_thread(draw_shares, drawn["seed"], drawn["recipients"], drawn["shares"])
    return shares[[*drawn["task_ids"], drawn["rest_task_id"]].index(task_id)]
