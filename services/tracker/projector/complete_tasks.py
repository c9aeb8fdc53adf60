"""Completes tasks, after the commit of the projection in which the final states reach the audience.

So what is completed can be counted.
"""

from collections.abc import Collection

import structlog

from services.tracker.projector.statements import STATEMENTS
from shared.delivery_log.chunks import FINAL_SET
from shared.domain.identifiers import shard_of, task_stream
from shared.domain.task import CompleteTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import tracing

log = structlog.get_logger(__name__)

PAGE = 1000  #: tasks in one statement of the sweep


async def complete_finished(database: Database, handler: Handler, task_ids: Collection[int]) -> None:
    """Completes those of the tasks whose recipients all have a final state. Doing it twice does nothing."""
    for row in await database.fetch(STATEMENTS["finished_tasks"], list(task_ids), FINAL_SET):
        with tracing.joined(row["correlation"]), tracing.span("complete task", task_id=row["id"]):
            done = await handler.handle(TASKS, task_stream(row["id"]), CompleteTask(), Actor(row["account_id"]))
            if isinstance(done, Done) and done.events:
                log.info("task completed", action="task_completed", task_id=row["id"], recipients=done.state.recipients)


async def sweep_open_tasks(database: Database, handler: Handler, shards: Collection[int]) -> None:
    """Completes what a crash between projection and completion left open, and the tasks without recipients.

    ``shards``: only their tasks, so that trackers share the work.
    """
    after = 0
    while page := [row["id"] for row in await database.fetch(STATEMENTS["open_tasks"], after, PAGE)]:
        after = page[-1]
        if ours := [task_id for task_id in page if shard_of(task_id) in shards]:
            await complete_finished(database, handler, ours)
