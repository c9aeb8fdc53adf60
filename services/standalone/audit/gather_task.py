"""Gathers what is known of one task, in one snapshot of the database: reads only, a page at a time."""

from typing import Final, cast

from pyroaring import BitMap

from services.standalone.audit.counted_outside import Deliveries
from services.standalone.audit.read_log import SECONDS, read_log
from services.standalone.audit.statements import STATEMENTS
from services.standalone.audit.task_facts import Audience, Batches, Outside, TaskFacts, TaskRow
from shared.domain import task as tasks
from shared.domain.identifiers import task_stream
from shared.event_store.codec import read_event
from shared.event_store.on_postgres import QUERIES as EVENT_QUERIES
from shared.postgres.database import Connection, Database, Row

PAGE: Final = 500  #: batches


async def gather_task(database: Database, task_id: int, deliveries: Deliveries | None) -> TaskFacts | None:
    """None: it is gone. Raises DatabaseError."""
    async with database.transaction() as connection:
        await connection.execute(STATEMENTS["only_read"])
        row = await connection.fetch_row(STATEMENTS["task_row"], task_id)
        if row is None:
            return None
        replayed, events = await _replay(connection, task_id)
        log, _ = await read_log(connection, task_id)
        return TaskFacts(
            row=_task_row(row),
            replayed=replayed,
            events=events,
            frozen=row["frozen"],
            audience=await _audience(connection, row),
            log=log,
            batches=await _batches(connection, task_id),
            redecided=BitMap.deserialize(row["redecided"]) if row["redecided"] else BitMap(),
            outside=_outside(deliveries, task_id),
        )


def _task_row(row: Row) -> TaskRow:
    names = TaskRow.__dataclass_fields__
    return TaskRow(**{name: row[name] for name in names})


async def _replay(connection: Connection, task_id: int) -> tuple[tasks.Task, int]:
    rows = await connection.fetch(EVENT_QUERIES["read_stream"], task_stream(task_id))
    return tasks.replay(cast(tasks.Event, read_event(row["type"], row["data"])) for row in rows), len(rows)


async def _audience(connection: Connection, row: Row) -> Audience:
    [found] = await connection.fetch_slowly(SECONDS, STATEMENTS["audience_of_task"], row["id"], row["account_id"])
    return Audience(found["count"], found["lowest"], found["highest"], found["people"], found["foreign_people"])


async def _batches(connection: Connection, task_id: int) -> Batches:
    together, shared, miscounted, after = BitMap(), BitMap(), [], -1
    while rows := await connection.fetch(STATEMENTS["open_batches"], task_id, after, PAGE):
        for row in rows:
            ordinals = BitMap.deserialize(row["ordinals"])
            shared |= together & ordinals
            together |= ordinals
            if len(ordinals) != row["size"]:
                miscounted.append(row["number"])
        after = rows[-1]["number"]
    return Batches(together, shared, tuple(miscounted))


def _outside(deliveries: Deliveries | None, task_id: int) -> Outside | None:
    if deliveries is None:
        return None
    return Outside(
        deliveries.once[task_id],
        deliveries.twice[task_id],
        deliveries.thrice[task_id],
        deliveries.altered[task_id],
        deliveries.begun[task_id],
    )
