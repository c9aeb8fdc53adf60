"""Projects the whole log anew: a generation beside the live one, which then takes its place shard by shard.

The new generation is judged by the newest rules, or by those asked for: so changed rules reach what was sent long ago.
Live trackers and readers go on meanwhile. Nothing but sets and series is touched: no task is completed or announced. It
goes just as far as the live one has come, for what else follows from a hit follows when that one meets it.
A rebuild that was broken off leaves rows that nobody reads; the next one begins afresh and removes them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from services.tracker.decisions.rule_sets import RULE_SETS
from services.tracker.projector.project import LeaseLost, Reached, position_of, project_round, reached_of
from services.tracker.projector.statements import STATEMENTS
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Database

log = structlog.get_logger(__name__)

DELETE_ROWS = 5_000  #: in one transaction

Progress = Callable[[int], None]


class RebuildFailed(Exception):
    """The shards that were not swapped yet stay as they are."""


class UnknownRules(Exception):
    """Nothing was begun."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    hits: int
    deleted: int  #: rows of generations that are no more


async def rebuild(
    database: Database, owner: int, progress: Progress = lambda _: None, rules: int | None = None
) -> Rebuilt:
    """``owner``: a number nobody else has. ``progress`` hears the number of hits projected so far, round by round.
    ``rules``: the number of the rule set that tells machines from people; None: the newest.

    Raises UnknownRules, RebuildFailed, DatabaseError.
    """
    rules = max(RULE_SETS) if rules is None else rules
    if rules not in RULE_SETS:
        raise UnknownRules(f"there is no rule set {rules}: {', '.join(map(str, sorted(RULE_SETS)))}")
    deleted = await _discard_unfinished(database)
    begun = await database.fetch(STATEMENTS["begin_generation"], owner, rules)
    held = {row["shard"]: reached_of(row) for row in begun}
    try:
        hits = await _catch_up(database, held, progress)
        for shard in sorted(held):
            hits += await _swap(database, shard, held[shard])
            progress(hits)
    except LeaseLost as lost:
        raise RebuildFailed("another rebuild took the place of this one") from lost
    deleted += await _delete_dead(database)
    log.info("projection rebuilt", action="projection_rebuilt", hits=hits, rows_deleted=deleted, rules=rules)
    return Rebuilt(hits, deleted)


async def _catch_up(database: Database, held: dict[int, Reached], progress: Progress) -> int:
    hits = 0
    while True:
        async with database.transaction() as connection:
            rows = await connection.fetch(STATEMENTS["live_reached"])
            done = await project_round(connection, held, until={row["shard"]: position_of(row) for row in rows})
        if not done.hits:
            return hits
        held.update(done.reached)
        hits += done.hits
        progress(hits)


async def _swap(database: Database, shard: int, reached: Reached) -> int:
    """Makes the new generation of a shard the live one, once it has all that the old one has. Answers hits added."""
    async with database.transaction() as connection:
        # The live projector of this shard waits from here on, then fails its fence and takes the shard anew.
        live = await connection.fetch_row(STATEMENTS["hold_live_shard"], shard)
        if live is None:
            raise RebuildFailed(f"shard {shard} has no live generation")
        hits = await _reach(connection, shard, reached, reached_of(live).at)
        await connection.execute(STATEMENTS["drop_generation"], shard, live["generation"])
        if not await connection.execute(STATEMENTS["set_live"], shard, reached.generation, reached.epoch):
            raise LeaseLost(f"generation {reached.generation} of shard {shard} is gone")
    return hits


async def _reach(connection: Connection, shard: int, reached: Reached, target: TailPosition) -> int:
    hits = 0
    while reached.at < target:
        done = await project_round(connection, {shard: reached}, until={shard: target})
        if shard not in done.reached:
            raise RebuildFailed(f"shard {shard} cannot be read beyond {reached.at}")
        reached = done.reached[shard]
        hits += done.hits
    return hits


async def _discard_unfinished(database: Database) -> int:
    await database.execute(STATEMENTS["drop_unfinished_generations"])
    return await _delete_dead(database)


async def _delete_dead(database: Database) -> int:
    """In chunks, as a long write transaction would hold back every tail."""
    deleted = 0
    for name in ("delete_dead_sets", "delete_dead_series"):
        from_task = 0
        while rows := await database.fetch(STATEMENTS[name], from_task, DELETE_ROWS):
            from_task = max(row["task_id"] for row in rows)
            deleted += len(rows)
    return deleted
