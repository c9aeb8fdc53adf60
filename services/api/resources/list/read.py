"""What is known of lists."""

from pathlib import Path

from services.api.moments import moment
from services.api.resources.list.schema import ListAnswer
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def is_name_taken(database: Database, account_id: int, name: str) -> bool:
    return bool(await database.fetch_value(QUERIES["name_taken"], account_id, name))


async def is_name_of_another(database: Database, account_id: int, list_id: int, name: str) -> bool:
    return bool(await database.fetch_value(QUERIES["named_so"], account_id, list_id, name))


async def read_list(database: Database, account_id: int, list_id: int) -> ListAnswer | None:
    row = await database.fetch_row(QUERIES["read_list"], account_id, list_id)
    return _answer(row) if row else None


async def read_page(database: Database, account_id: int, after: int, count: int) -> tuple[list[ListAnswer], int]:
    """The lists behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["list_page"], account_id, after, count + 1)
    return [_answer(row) for row in rows], await database.fetch_value(QUERIES["list_total"], account_id)


def _answer(row: Row) -> ListAnswer:
    return ListAnswer(
        id=row["id"], name=row["name"], subscription_count=row["subscription_count"], cdate=moment(row["cdate"])
    )
