"""What is known of searches."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.api.moments import moment
from services.api.resources.search.schema import SearchAnswer
from shared.domain.saved_search import SavedSearch
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_search(database: Database, account_id: int, search_id: int) -> SearchAnswer | None:
    row = await database.fetch_row(QUERIES["read_search"], account_id, search_id)
    return _answer(dict(row)) if row else None


async def read_page(database: Database, account_id: int, after: int, count: int) -> tuple[list[SearchAnswer], int]:
    """The searches behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["search_page"], account_id, after, count + 1)
    return [_answer(dict(row)) for row in rows], await database.fetch_value(QUERIES["search_total"], account_id)


async def is_list_known(database: Database, account_id: int, list_id: int | None) -> bool:
    return bool(await database.fetch_value(QUERIES["list_known"], account_id, list_id))


def answer_of_state(search: SavedSearch) -> SearchAnswer:
    return _answer(
        {
            "id": search.search_id,
            "name": search.name,
            "list_id": search.list_id,
            "query": dict(search.query),
            "cdate": search.cdate,
        }
    )


def _answer(row: Mapping[str, Any]) -> SearchAnswer:
    return SearchAnswer(
        id=row["id"], name=row["name"], list_id=row["list_id"], query=row["query"], cdate=moment(row["cdate"])
    )
