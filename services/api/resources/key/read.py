"""What is known of keys: all but the keys themselves."""

from pathlib import Path

from services.api.moments import moment
from services.api.resources.key.schema import KeyAnswer
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_page(database: Database, account_id: int, after: int, count: int) -> tuple[list[KeyAnswer], int]:
    """The keys behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["key_page"], account_id, after, count + 1)
    return [_answer(row) for row in rows], await database.fetch_value(QUERIES["key_total"], account_id)


def _answer(row: Row) -> KeyAnswer:
    return KeyAnswer(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        prefix=row["prefix"],
        cdate=moment(row["cdate"]),
        revoked=row["revoked"],
    )
