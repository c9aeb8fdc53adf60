"""A split test in the hands of planners, of which some are killed, and its variants brought to their end."""

import asyncio
from typing import Any

from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.splittests.advance import SplitTests
from services.dispatcher.planner.start_due import start_due_tasks
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import task_stream
from shared.domain.task import CompleteTask
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Append
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import ACCOUNT
from tests.integration.tracker.running_projectors import project_all
from tests.splitting import people_by_task

OWNER, OTHER = 11, 12
FIRST = 10_000_000  #: where the subscribers begin


def planner(database: Database, handler: Handler, owner: int = OWNER) -> SplitTests:
    return SplitTests(database, handler, owner, lambda: 5)


async def freeze_tasks(database: Database, handler: Handler) -> None:
    await start_due_tasks(database, handler)
    while await freeze_one_audience(database, handler, OWNER):
        pass


async def draw(database: Database, handler: Handler) -> dict[int, list[int]]:
    """Until the variants are ready to be sent."""
    await planner(database, handler).advance()
    await freeze_tasks(database, handler)
    return await people_by_task(database)


async def record(database: Database, task_id: int, kind: Kind, ordinals: Any, part: int = 0) -> None:
    hits = Hits.at_once(ordinals, 1_800_000_000_000)
    if len(hits):
        await DeliveryLog(database).append([Segment(task_id, kind, 0, int(kind), part, hits)])


async def end(database: Database, handler: Handler, scores: dict[int, int]) -> None:
    """Each variant is sent to all of its recipients, and opened by so many of them."""
    for task_id, score in scores.items():
        recipients = await database.fetch_value("SELECT recipients FROM task WHERE id = $1", task_id)
        await record(database, task_id, Kind.SUBMITTED, range(recipients))
        await record(database, task_id, Kind.OPENED, [*range(score), *range(score)])
        await handler.handle(TASKS, task_stream(task_id), CompleteTask(), ACCOUNT)
    await project_all(database)


class KilledAt(PostgresEventStore):
    """The store of a process that is killed at its n-th append: before it, or before it knows that it was stored."""

    def __init__(self, database: Database, appends: int, *, stored: bool) -> None:
        super().__init__(database)
        self._left = appends
        self._stored = stored

    async def append(self, append: Append) -> None:
        self._left -= 1
        if self._left:
            return await super().append(append)
        if self._stored:
            await super().append(append)
        raise asyncio.CancelledError
