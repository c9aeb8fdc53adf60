"""What is known of tasks: the rows, and with each page the figures of all its tasks in one query."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.api.authenticate import Caller
from services.api.paging import Place, bad_cursor, read_cursor
from services.api.resources.task.answer import task_answer
from services.api.resources.task.schema import TaskAnswer, TaskQuery
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.refusal import Refused
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

#: The attributes to sort by: the key in SQL and its type. A task without an end sorts as if it ended never.
_KEYS: Final = {
    "id": ("id", "bigint"),
    "name": ("name", "text"),
    "scheduledtime": ("extract(epoch FROM scheduledtime)::float8", "float8"),
    "endtime": ("coalesce(extract(epoch FROM endtime)::float8, 'infinity')", "float8"),
    "cdate": ("extract(epoch FROM cdate)::float8", "float8"),
}


def _ordered(key: str, type_name: str, *, rising: bool) -> str:
    words = {"key": key, "type": type_name, "beyond": ">" if rising else "<", "direction": "ASC" if rising else "DESC"}
    return QUERIES["task_page"].format(**words)


_PAGES: Final = {
    sign + attribute: _ordered(key, type_name, rising=not sign)
    for attribute, (key, type_name) in _KEYS.items()
    for sign in ("", "-")
}


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
    start = _place(query)
    if isinstance(start, Refused):
        return start
    filters = _filters(caller, query)
    rows = await database.fetch(_PAGES[query.sort], *filters, *start, query.count + 1)
    total = await database.fetch_value(QUERIES["task_total"], *filters)
    page = rows[: query.count]
    counts = await read_counts(database, [row["id"] for row in page]) if page else {}
    following = _cursor(query.sort, page[-1]) if len(rows) > query.count else None
    return [task_answer(dict(row), counts[row["id"]]) for row in page], total, following


def _filters(caller: Caller, query: TaskQuery) -> tuple[object, ...]:
    asked_for_list = "list_id" in query.model_fields_set
    wanted = (query.id, query.cancelled, query.channel, query.completed, asked_for_list, query.list_id)
    return (caller.account_id, caller.only_of_user, *wanted, query.message_id, query.name)


def _cursor(sort: str, row: Row) -> Place:
    key = row["sort_key"]
    return [sort, None if isinstance(key, float) and math.isinf(key) else key, row["id"]]


def _place(query: TaskQuery) -> tuple[bool, str | float | None, int] | Refused:
    """(from the beginning, key, id) of where the page starts."""
    if query.start is None:
        return (True, None, 0)
    type_name = _KEYS[query.sort.removeprefix("-")][1]
    match read_cursor(query.start):
        case [query.sort, None, int(last)] if type_name == "float8" and _is_id(last):
            return (False, math.inf, last)
        case [query.sort, str(key), int(last)] if type_name == "text" and _is_id(last):
            return (False, key, last)
        case [query.sort, float(key) | int(key), int(last)] if type_name == "float8" and _is_id(last):
            return (False, float(key), last)
        case [query.sort, int(key), int(last)] if type_name == "bigint" and _is_id(key) and _is_id(last):
            return (False, key, last)
        case _:
            return bad_cursor()


def _is_id(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number < 2**63
