"""Freezes the audience of a started task: INSERT … SELECT in chunks short enough not to hold back any tail.

No recipient passes through this process. A crash leaves the cursor in the row; whoever claims it next goes on from
there.
"""

from collections.abc import Sequence

import structlog

from services.dispatcher.decisions.cut_batches import cut_batches
from services.dispatcher.planner.freeze_search import freeze_search
from services.dispatcher.planner.splittests.freeze_share import freeze_share
from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.identifiers import INT63_MAX, shard_of, task_stream
from shared.domain.task import FreezeAudience, Task
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database, Row
from shared.runtime import crash_points

log = structlog.get_logger(__name__)

CHUNK_ROWS = 10_000  #: about 100 ms of one transaction
LEASE_SECONDS = 15.0


async def freeze_one_audience(database: Database, handler: Handler, owner: int) -> bool:
    """Freezes one started task to the end. False when there is none to freeze."""
    claimed = await database.fetch_row(STATEMENTS["claim_freezing"], owner, LEASE_SECONDS)
    if claimed is None:
        return False
    if claimed["splittest_id"] is not None:
        await freeze_share(database, claimed, CHUNK_ROWS, LEASE_SECONDS)
    elif claimed["search_id"] is not None or claimed["segments"]:
        await freeze_search(database, claimed, CHUNK_ROWS, LEASE_SECONDS)
    else:
        while await _freeze_chunk(database, claimed) == CHUNK_ROWS:
            pass
    crash_points.reached("planner.frozen")
    await _close(database, handler, claimed)
    return True


async def _freeze_chunk(database: Database, claimed: Row) -> int:
    async with database.transaction() as connection:
        await connection.execute(STATEMENTS["go_by_index"])
        count: int = await connection.fetch_value(
            STATEMENTS["freeze_chunk"],
            claimed["task_id"],
            claimed["epoch"],
            claimed["list_id"],
            claimed["channel"],
            CHUNK_ROWS,
            LEASE_SECONDS,
            claimed["cdate"],
        )
        crash_points.reached("planner.freezing")
    return count


async def _close(database: Database, handler: Handler, claimed: Row) -> None:
    task_id = claimed["task_id"]
    reached = await database.fetch_row(STATEMENTS["freezing_done"], task_id, claimed["epoch"], INT63_MAX)
    if reached is None:
        return  # somebody took over
    command = FreezeAudience(reached["recipients"], reached["excluded"])
    await handler.handle(TASKS, task_stream(task_id), command, Actor(claimed["account_id"]), also=_rows)
    crash_points.reached("planner.cut")
    log.info("audience frozen", action="audience_frozen", task_id=task_id, recipients=reached["recipients"])


def _rows(task: Task) -> Sequence[Write]:
    batches = list(cut_batches(task.recipients or 0))
    return [
        Write(STATEMENTS["close_freezing"], (task.task_id,)),
        Write(
            STATEMENTS["cut_batches"],
            (
                shard_of(task.task_id),
                task.task_id,
                list(range(len(batches))),
                [batch.serialize() for batch in batches],
                [len(batch) for batch in batches],
            ),
        ),
    ]
