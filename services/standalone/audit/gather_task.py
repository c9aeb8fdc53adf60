"""Gathers what is known of one task, in one snapshot of the database: reads only, a page at a time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final, cast

from pyroaring import BitMap

from services.standalone.audit.counted_outside import Deliveries
from services.standalone.audit.read_log import SECONDS, read_log
from services.standalone.audit.statements import STATEMENTS
from services.standalone.audit.task_facts import (
    Audience,
    Batches,
    CalledBack,
    Charges,
    Outside,
    TaskFacts,
    TaskRow,
    Window,
)
from shared.delivery_log.chunks import decode_chunk
from shared.domain import task as tasks
from shared.domain.delivery import Kind
from shared.domain.identifiers import task_stream
from shared.event_store.codec import read_event
from shared.event_store.on_postgres import QUERIES as EVENT_QUERIES
from shared.postgres.database import Connection, Database, Row

PAGE: Final = 500  #: batches, and callbacks


async def gather_task(
    database: Database, task_id: int, deliveries: Deliveries | None, metered: Mapping[int, float]
) -> TaskFacts | None:
    """``metered``: since when, by account, of those that were never without a limit. None: it is gone. Raises
    DatabaseError.
    """
    async with database.transaction() as connection:
        await connection.execute(STATEMENTS["only_read"])
        row = await connection.fetch_row(STATEMENTS["task_row"], task_id)
        if row is None:
            return None
        replayed, events = await _replay(connection, task_id)
        log, cut = await read_log(connection, task_id)
        since = metered.get(row["account_id"], inf)
        return TaskFacts(
            row=TaskRow(**{name: row[name] for name in TaskRow.__dataclass_fields__}),
            replayed=replayed,
            events=events,
            frozen=row["frozen"],
            audience=await _audience(connection, row),
            log=log,
            batches=await _batches(connection, task_id),
            redecided=BitMap.deserialize(row["redecided"]) if row["redecided"] else BitMap(),
            charges=await _charges(connection, task_id, since < (replayed.started_at or 0.0)),
            called_back=await _called_back(connection, row, cut),
            outside=_outside(deliveries, task_id),
        )


async def _replay(connection: Connection, task_id: int) -> tuple[tasks.Task, list[str]]:
    rows = await connection.fetch(EVENT_QUERIES["read_stream"], task_stream(task_id))
    history = [cast(tasks.Event, read_event(row["type"], row["data"])) for row in rows]
    return tasks.replay(history), [row["type"] for row in rows]


async def _audience(connection: Connection, row: Row) -> Audience:
    [found] = await connection.fetch_slowly(SECONDS, STATEMENTS["audience_of_task"], row["id"], row["account_id"])
    return Audience(
        found["count"],
        found["lowest"],
        found["highest"],
        found["people"],
        found["foreign_people"],
        found["named_erased"],
    )


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


async def _charges(connection: Connection, task_id: int, always: bool) -> Charges:
    by_units: defaultdict[int, BitMap] = defaultdict(BitMap)
    miscounted = 0
    for row in await connection.fetch(STATEMENTS["charges_of_task"], task_id):
        members = decode_chunk(row["bits"])
        miscounted += len(members) != row["cardinality"]
        by_units[row["units"]] |= members
    return Charges(by_units, miscounted, always)


async def _called_back(connection: Connection, task: Row, cut: Mapping[Kind, BitMap]) -> CalledBack | None:
    line = await connection.fetch_row(STATEMENTS["line_of_campaign"], task["campaign_id"])
    if line is None:
        return None
    windows: list[Window] = []
    while rows := await connection.fetch(STATEMENTS["windows_of_task"], task["id"], _last(windows), PAGE):
        windows += [
            Window(
                row["number"],
                Kind(row["kind"]),
                row["opened_at"],
                row["first_at"],
                BitMap.deserialize(row["ordinals"]),
                row["people"],
                row["state"],
                row["attempts"],
            )
            for row in rows
        ]
    return CalledBack(line["always"], line["line_open"], line["now"], windows, cut)


def _last(windows: Sequence[Window]) -> int:
    return windows[-1].number if windows else 0


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
