"""Says which variant won, once the delay is over, and completes split tests whose tasks have all ended.

By the exact sets, and not before they hold all that was recorded until the delay was over: a projection that is behind
decides nothing, however long that takes. The winner and its task are recorded in one transaction.
"""

from typing import Final

import structlog

from services.dispatcher.planner.splittests.statements import STATEMENTS
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.delivery import Kind
from shared.domain.identifiers import splittest_stream
from shared.domain.split_test import CompleteSplitTest, MeasureSplitTest
from shared.domain.split_test_terms import Criterion, Figures
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow
from shared.postgres.database import Database, Row

log = structlog.get_logger(__name__)

AT_ONCE: Final = 20  #: split tests looked at in one round

_COUNTED: Final[dict[Criterion, Kind]] = {"open": Kind.OPENED, "click": Kind.CLICKED}


async def measure_splittests(database: Database, handler: Handler) -> int:
    """How many were measured; the others are looked at again."""
    measured = 0
    for row in await database.fetch(STATEMENTS["splittests_to_measure"], AT_ONCE):
        await database.execute(STATEMENTS["mark_due"], row["rest_task_id"], row["due_at"])
        if await database.fetch_value(STATEMENTS["is_projected"], row["rest_task_id"], row["task_ids"]):
            measured += await _measure(database, handler, row)
    return measured


async def _measure(database: Database, handler: Handler, row: Row) -> bool:
    counts = await read_counts(database, row["task_ids"])
    figures = tuple(
        Figures(counts[task_id].get(Kind.SUBMITTED, 0), counts[task_id].get(_COUNTED[row["criterion"]], 0), cancelled)
        for task_id, cancelled in zip(row["task_ids"], row["cancelled"], strict=True)
    )
    stream, actor = splittest_stream(row["id"]), Actor(row["account_id"])
    done = await handler.handle(SPLIT_TESTS, stream, MeasureSplitTest(figures), actor, then=follow)
    log.info("split test measured", action="splittest_measured", splittest_id=row["id"])
    return isinstance(done, Done) and bool(done.events)


async def complete_splittests(database: Database, handler: Handler) -> None:
    for row in await database.fetch(STATEMENTS["finished_splittests"], AT_ONCE):
        stream, actor = splittest_stream(row["id"]), Actor(row["account_id"])
        await handler.handle(SPLIT_TESTS, stream, CompleteSplitTest(), actor)
        log.info("split test completed", action="splittest_completed", splittest_id=row["id"])
