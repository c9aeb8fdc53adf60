"""What is known of users."""

from pathlib import Path

from services.api.moments import moment
from services.api.resources.user.schema import UserAnswer
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_user(database: Database, account_id: int, user_id: int) -> UserAnswer | None:
    row = await database.fetch_row(QUERIES["read_user"], account_id, user_id)
    return _answer(row) if row else None


async def read_page(database: Database, account_id: int, after: int, count: int) -> tuple[list[UserAnswer], int]:
    """The users behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["user_page"], account_id, after, count + 1)
    return [_answer(row) for row in rows], await database.fetch_value(QUERIES["user_total"], account_id)


def _answer(row: Row) -> UserAnswer:
    return UserAnswer(id=row["id"], name=row["name"], role=row["role"], cdate=moment(row["cdate"]))
