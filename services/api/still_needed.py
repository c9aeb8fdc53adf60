"""Looks up which tasks and split tests still need what is to be removed, and which of them the caller may see."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from services.api.authenticate import Caller
from shared.domain.read_subscriber_query import from_json
from shared.domain.still_needed import MOST_NAMED, StillNeeded, still_needed
from shared.domain.subscriber_query import lists_named
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

#: As ``read_task`` and ``read_splittest`` have it: whose message it is, and that every message is his.
_SEEN: Final = {
    "task_seen": """($2::bigint IS NULL OR EXISTS (
           SELECT FROM message AS written WHERE written.id = task.message_id AND written.user_id = $2))""",
    "splittest_seen": """($2::bigint IS NULL OR NOT EXISTS (
           SELECT FROM message AS written WHERE written.id = ANY (splittest.message_ids) AND written.user_id <> $2))""",
}
_QUERIES: Final = {
    name: statement.format(**_SEEN)
    for name, statement in load_queries(Path(__file__).with_name("still_needed.sql")).items()
}


async def need_of_list(database: Database, caller: Caller, list_id: int, name: str) -> StillNeeded:
    rows = await _needing(database, caller, "of_list", list_id)
    return _found([*rows, *await _searching(database, caller, list_id, name)])


async def need_of_name(database: Database, caller: Caller, list_id: int, name: str) -> StillNeeded:
    """By what is yet to find people by a search of the list or one that names it, if only to leave its people out."""
    return _found(await _searching(database, caller, list_id, name))


async def need_of_search(database: Database, caller: Caller, search_id: int) -> StillNeeded:
    return _found(await _needing(database, caller, "of_search", search_id))


async def need_of_message(database: Database, caller: Caller, message_id: int) -> StillNeeded:
    return _found(await _needing(database, caller, "of_message", message_id))


async def need_of_domain(database: Database, caller: Caller, name: str) -> StillNeeded:
    return _found(await _needing(database, caller, "of_domain", name))


async def _needing(database: Database, caller: Caller, query: str, what: int | str) -> list[Row]:
    return await database.fetch(_QUERIES[query], caller.account_id, caller.only_of_user, what, MOST_NAMED + 1)


async def _searching(database: Database, caller: Caller, list_id: int, name: str) -> list[Row]:
    rows = await database.fetch(_QUERIES["searching"], caller.account_id, caller.only_of_user)
    return [row for row in rows if row["list_id"] == list_id or name in lists_named(from_json(row["query"]))]


def _found(rows: Iterable[Row]) -> StillNeeded:
    return still_needed((row["kind"], row["id"], row["seen"]) for row in rows)
