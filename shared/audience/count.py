"""How many people a search finds, counted in the database."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.audience.audience import Audience, Values
from shared.audience.compile_query import joins, mailable, matches
from shared.audience.statements import STATEMENTS
from shared.audience.union import joins_of_any, matches_any
from shared.domain.identifiers import Channel, Instant
from shared.domain.read_subscriber_query import from_json
from shared.domain.subscriber_query import lists_named
from shared.postgres.database import Database


@dataclass(frozen=True, slots=True)
class People:
    """``matched``: found. ``email`` and ``sms``: of these, who can be written to that way."""

    matched: int
    email: int
    sms: int


async def find_lists(database: Database, account_id: int, names: Iterable[str]) -> dict[str, int]:
    """Ids by name; a name without a list is missing."""
    wanted = list(names)
    rows = await database.fetch(STATEMENTS["lists_by_name"], account_id, wanted) if wanted else []
    return {row["name"]: row["id"] for row in rows}


async def open_audience(
    database: Database, account_id: int, list_id: int | None, query: Mapping[str, Any], at: Instant
) -> Audience:
    """``query``: as it is stored. Raises BadQuery."""
    asked = from_json(query)
    return Audience(list_id, asked, await find_lists(database, account_id, lists_named(asked)), at)


async def read_audience(database: Database, account_id: int, search_id: int, at: Instant) -> Audience | None:
    """Of a search as it is now; None: there is none."""
    row = await database.fetch_row(STATEMENTS["search_to_count"], account_id, search_id)
    return await open_audience(database, account_id, row["list_id"], row["query"], at) if row else None


async def class_of_message(database: Database, account_id: int, message_id: int) -> str | None:
    """None: there is no such message."""
    found: str | None = await database.fetch_value(STATEMENTS["message_class"], account_id, message_id)
    return found


async def count_mailable(
    database: Database, account_id: int, audience: Audience, channel: Channel, message_class: str
) -> int:
    """Who would be written to now."""
    return await count_mailable_of_any(database, account_id, [audience], channel, message_class)


async def count_mailable_of_any(
    database: Database, account_id: int, audiences: Sequence[Audience], channel: Channel, message_class: str
) -> int:
    """The same of a union, see ``union``."""
    values = Values(first=2)
    statement = STATEMENTS["count_mailable"].format(
        joins=joins_of_any(audiences, values),
        matches=matches_any(audiences, values),
        mailable=mailable(audiences[0], channel, message_class, values),
    )
    count: int = await database.fetch_value(statement, account_id, *values.args)
    return count


async def count_people(database: Database, account_id: int, audience: Audience, message_class: str) -> People:
    values = Values(first=2)
    statement = STATEMENTS["count_people"].format(
        joins=joins(audience.query, values),
        matches=matches(audience, values),
        by_email=mailable(audience, "email", message_class, values),
        by_sms=mailable(audience, "sms", message_class, values),
    )
    [row] = await database.fetch(statement, account_id, *values.args)
    return People(row["matched"], row["email"], row["sms"])
