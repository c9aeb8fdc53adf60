"""What is known of messages."""

from pathlib import Path

from services.api.authenticate import Caller
from services.api.resources.message.content import message_answer
from services.api.resources.message.schema import MessageAnswer
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_message(database: Database, caller: Caller, message_id: int) -> MessageAnswer | None:
    row = await database.fetch_row(QUERIES["read_message"], caller.account_id, message_id, caller.only_of_user)
    return message_answer(dict(row)) if row else None


async def read_page(database: Database, caller: Caller, after: int, count: int) -> tuple[list[MessageAnswer], int]:
    """The messages behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["message_page"], caller.account_id, after, caller.only_of_user, count + 1)
    total = await database.fetch_value(QUERIES["message_total"], caller.account_id, caller.only_of_user)
    return [message_answer(dict(row)) for row in rows], total


async def read_recipient(database: Database, caller: Caller, subscriber_id: int) -> Row | None:
    """Email, telephone and vars."""
    return await database.fetch_row(QUERIES["preview_recipient"], caller.account_id, subscriber_id)
