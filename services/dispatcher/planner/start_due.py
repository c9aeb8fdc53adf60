"""Starts the tasks whose time has come. Any number of planners may try: one start wins, the others change nothing."""

from collections.abc import Collection
from functools import partial

import structlog

from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.identifiers import Channel, shard_of, task_stream
from shared.domain.pacing import pace_of
from shared.domain.task import StartTask, Task
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import crash_points, tracing

log = structlog.get_logger(__name__)

DUE_AT_ONCE = 50  #: tasks looked at in one round


async def start_due_tasks(
    database: Database,
    handler: Handler,
    channels: Collection[Channel] = ("email", "sms"),
    *,
    dns_check: bool = False,
) -> int:
    """The number of tasks started. A task of none of ``channels`` stays scheduled: there is no way to send it.

    ``dns_check``: a domain and its keys count only once DNS shows them.
    """
    due = await database.fetch(STATEMENTS["due_tasks"], DUE_AT_ONCE, list(channels), dns_check)
    for row in due:
        await database.execute(STATEMENTS["ensure_partitions"], row["id"])
        command = StartTask(row["message_version"])
        open_sending = partial(_open_sending, from_domain=row["from_domain"], dns_check=dns_check)
        with tracing.joined(row["correlation"]), tracing.span("start task", task_id=row["id"]):
            await handler.handle(TASKS, task_stream(row["id"]), command, Actor(row["account_id"]), also=open_sending)
            crash_points.reached("planner.started")
            log.info("task started", action="task_started", task_id=row["id"])
    return len(due)


def _open_sending(task: Task, *, from_domain: str | None, dns_check: bool) -> list[Write]:
    pace = None if task.rate is None else pace_of(task.rate)
    paced = (pace and pace.burst, pace and pace.seconds_each)
    terms = (task.channel, task.account_id, from_domain, dns_check, task.search_id, task.list_id, list(task.segments))
    row = (shard_of(task.task_id), task.task_id, *paced, *terms)
    return [Write(STATEMENTS["open_sending"], row)]


async def tell_held_back(database: Database, told: frozenset[int]) -> frozenset[int]:
    """The due tasks whose From domain DNS does not show: they wait until it does. Those not ``told`` yet are logged."""
    held = frozenset(row["id"] for row in await database.fetch(STATEMENTS["held_back"], DUE_AT_ONCE))
    for task_id in sorted(held - told):
        log.warning("task waits for its From domain", action="task_held_back", task_id=task_id)
    return held
