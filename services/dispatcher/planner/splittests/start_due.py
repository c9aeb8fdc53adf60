"""Starts the split tests whose time has come. Any number of planners may try: one start wins, others change nothing."""

import structlog

from services.dispatcher.planner.splittests.statements import STATEMENTS
from services.dispatcher.planner.statements import STATEMENTS as OF_TASKS
from shared.domain.identifiers import TaskId, shard_of, splittest_stream
from shared.domain.split_test import SplitTest, StartSplitTest
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.split_test import SPLIT_TESTS
from shared.postgres.database import Database
from shared.postgres.ids import Ids

log = structlog.get_logger(__name__)

DUE_AT_ONCE = 20  #: split tests looked at in one round


async def start_due_splittests(database: Database, handler: Handler, ids: Ids) -> int:
    """How many were started."""
    started = 0
    for row in await database.fetch(STATEMENTS["due_splittests"], DUE_AT_ONCE):
        *variants, rest = sorted([TaskId(await ids.next("task_id")) for _ in range(row["variants"] + 1)])
        await database.execute(OF_TASKS["ensure_partitions"], rest)
        command = StartSplitTest(tuple(variants), rest)
        stream, actor = splittest_stream(row["id"]), Actor(row["account_id"])
        done = await handler.handle(SPLIT_TESTS, stream, command, actor, also=_open_splitting)
        if isinstance(done, Done) and done.events:
            started += 1
            log.info("split test started", action="splittest_started", splittest_id=row["id"])
    return started


def _open_splitting(test: SplitTest) -> list[Write]:
    rest, terms = test.rest_task_id or TaskId(0), test.terms
    whom = (test.account_id, terms.list_id, terms.search_id, list(terms.message_ids))
    return [Write(STATEMENTS["open_splitting"], (shard_of(rest), rest, test.splittest_id, *whom))]
