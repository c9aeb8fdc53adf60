"""Starts the tasks whose time has come. Any number of planners may try: one start wins, the others change nothing."""

from collections.abc import Collection

import structlog

from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.identifiers import Channel, shard_of, task_stream
from shared.domain.pacing import pace_of
from shared.domain.task import StartTask, Task
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database

log = structlog.get_logger(__name__)

DUE_AT_ONCE = 50  #: tasks looked at in one round


async def start_due_tasks(
    database: Database, handler: Handler, channels: Collection[Channel] = ("email", "sms")
) -> int:
    """The number of tasks started. A task of none of ``channels`` stays scheduled: there is no way to send it."""
    due = await database.fetch(STATEMENTS["due_tasks"], DUE_AT_ONCE, list(channels))
    for row in due:
        await database.execute(STATEMENTS["ensure_partitions"], row["id"])
        command = StartTask(row["message_version"])
        await handler.handle(
            TASKS, task_stream(row["id"]), command, Actor(row["account_id"]), also=lambda state: [_open_sending(state)]
        )
        log.info("task started", action="task_started", task_id=row["id"])
    return len(due)


def _open_sending(task: Task) -> Write:
    pace = None if task.rate is None else pace_of(task.rate)
    return Write(
        STATEMENTS["open_sending"],
        (shard_of(task.task_id), task.task_id, pace and pace.burst, pace and pace.seconds_each, task.channel),
    )
