"""What is known of tasks: the rows, and with each page the figures of all its tasks in one query."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.api.authenticate import Caller
from services.api.paging import Place
from services.api.resources.task.answer import task_answer
from services.api.resources.task.schema import TaskAnswer, TaskQuery
from services.api.resources.task.select_tasks import (
    Arguments,
    Start,
    fits,
    page_words,
    place_behind,
    read_start,
)
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.refusal import Refused
from shared.postgres.database import Connection, Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

#: Of so many tasks that fit, those of a page are found sooner by sorting all of them than by walking an order that may
#: have them at its end: within some 50 ms.
MOST_GATHERED: Final = 20_000


async def read_row(database: Database, caller: Caller, task_id: int) -> Row | None:
    """The task's row; None as well when the caller may not see it."""
    return await database.fetch_row(QUERIES["read_task"], caller.account_id, task_id, caller.only_of_user)


async def read_task(database: Database, caller: Caller, task_id: int) -> TaskAnswer | None:
    row = await read_row(database, caller, task_id)
    if row is None:
        return None
    return task_answer(dict(row), (await read_counts(database, [task_id]))[task_id])


async def read_tasks(database: Database, caller: Caller, ids: Sequence[int]) -> list[TaskAnswer]:
    """Those of them that the caller may see, by id."""
    rows = await database.fetch(QUERIES["read_tasks"], caller.account_id, list(ids), caller.only_of_user)
    counts = await read_counts(database, [row["id"] for row in rows]) if rows else {}
    return [task_answer(dict(row), counts[row["id"]]) for row in rows]


async def read_page(
    database: Database, caller: Caller, query: TaskQuery
) -> tuple[list[TaskAnswer], int, Place | None] | Refused:
    """The page, how many tasks fit in all, and where the next page starts if there is one."""
    start = read_start(query)
    if isinstance(start, Refused):
        return start
    async with database.transaction() as connection:
        await connection.execute(QUERIES["plan_each"])
        total = await _read_total(connection, caller, query)
        rows = await _read_rows(connection, caller, query, start, total)
    page = rows[: query.count]
    counts = await read_counts(database, [row["id"] for row in page]) if page else {}
    following = place_behind(query, page[-1]) if len(rows) > query.count else None
    return [task_answer(dict(row), counts[row["id"]]) for row in page], total, following


async def _read_total(connection: Connection, caller: Caller, query: TaskQuery) -> int:
    arguments = Arguments()
    statement = QUERIES["task_total"].format(fits=fits(caller, query, arguments))
    total: int = await connection.fetch_value(statement, *arguments.values)
    return total


async def _read_rows(
    connection: Connection, caller: Caller, query: TaskQuery, start: Start | None, total: int
) -> list[Row]:
    arguments = Arguments()
    words = page_words(caller, query, start, arguments)
    how = "MATERIALIZED" if total <= MOST_GATHERED else "NOT MATERIALIZED"
    return await connection.fetch(QUERIES["task_page"].format(materialized=how, **words), *arguments.values)
