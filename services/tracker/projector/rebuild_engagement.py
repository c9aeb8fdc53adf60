"""Adds up anew what each person did: a generation beside the live one, which then takes its place in one moment.

Live trackers and readers go on meanwhile. A rebuild that was broken off leaves rows that nobody reads; the next one
begins afresh and removes them.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from services.tracker.projector.engagement import OutOfStep, add_round, position_of
from services.tracker.projector.rebuild import RebuildFailed
from services.tracker.projector.statements import STATEMENTS
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Database

log = structlog.get_logger(__name__)

DELETE_ROWS: Final = 5_000  #: in one transaction


async def rebuild_engagement(database: Database) -> None:
    """Raises RebuildFailed, DatabaseError."""
    await database.execute(STATEMENTS["drop_unfinished_engagement"])
    await _delete_dead(database)
    begun = await database.fetch(STATEMENTS["begin_engagement"])
    generation, reached = begun[0]["generation"], {row["shard"]: position_of(row) for row in begun}
    try:
        await _catch_up(database, generation, reached)
        await _swap(database, generation, reached)
    except OutOfStep as reason:
        raise RebuildFailed("another rebuild took the place of this one") from reason
    deleted = await _delete_dead(database)
    log.info("engagement rebuilt", action="engagement_rebuilt", generation=generation, rows_deleted=deleted)


async def _catch_up(database: Database, generation: int, reached: dict[int, TailPosition]) -> None:
    while True:
        async with database.transaction() as connection:
            added = await add_round(connection, generation, reached)
        if not added.reached:
            return
        reached |= added.reached


async def _swap(database: Database, generation: int, reached: dict[int, TailPosition]) -> None:
    """Makes it the live one, once it has all that the old one has, which is gone in the same moment."""
    async with database.transaction() as connection:
        # Whoever adds to the old one waits from here on, then finds that it is gone and goes on with this one.
        live = await connection.fetch(STATEMENTS["hold_live_engagement"])
        await _reach(connection, generation, reached, {row["shard"]: position_of(row) for row in live})
        if not await connection.execute(STATEMENTS["set_live_engagement"], generation):
            raise OutOfStep(f"generation {generation} is not the newest any more")
        await connection.execute(STATEMENTS["drop_unfinished_engagement"])


async def _reach(
    connection: Connection, generation: int, reached: dict[int, TailPosition], target: Mapping[int, TailPosition]
) -> None:
    while any(reached[shard] < at for shard, at in target.items()):
        added = await add_round(connection, generation, reached)
        if not added.reached:
            raise RebuildFailed("the log cannot be read as far as it was counted")
        reached |= added.reached


async def _delete_dead(database: Database) -> int:
    """In chunks, as a long write transaction would hold back every tail."""
    deleted = 0
    for name in ("delete_dead_engagement", "delete_dead_daily_opens"):
        from_subscriber = 0
        while rows := await database.fetch(STATEMENTS[name], from_subscriber, DELETE_ROWS):
            from_subscriber = max(row["subscriber_id"] for row in rows)
            deleted += len(rows)
    return deleted
