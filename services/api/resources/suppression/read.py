"""What is known of suppressions."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

from services.api.moments import moment
from services.api.resources.suppression.schema import SuppressionAnswer, SuppressionQuery
from shared.domain.csv_lines import csv_lines
from shared.domain.identifiers import Channel
from shared.postgres.database import Connection, Database, Row
from shared.postgres.named_queries import load_queries
from shared.suppression.address_hash import AddressHashes

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

ROWS_AT_ONCE: Final = 1_000
CSV_COLUMNS: Final = (
    "id",
    "channel",
    "email",
    "telephone",
    "list_id",
    "reason",
    "marketing_only",
    "source",
    "detail",
    "subscriber_id",
    "task_id",
    "cdate",
)

Filters = tuple[object, ...]


def filters_of(query: SuppressionQuery, account_id: int, hashes: AddressHashes) -> Filters:
    """The arguments of the statements that list. An address is found by its hash, also when it was erased."""
    asked = None
    for channel, address in _addresses(query):
        asked = hashes.all(account_id, channel, address)
    of_list = "list_id" in query.model_fields_set
    return account_id, asked, of_list, query.list_id, query.reason, query.channel


def _addresses(query: SuppressionQuery) -> Iterator[tuple[Channel, str]]:
    if query.email is not None:
        yield "email", query.email
    if query.telephone is not None:
        yield "sms", query.telephone


async def read_suppressions(
    source: Database | Connection, account_id: int, ids: Sequence[int]
) -> list[SuppressionAnswer]:
    return [_answer(row) for row in await source.fetch(QUERIES["read_suppressions"], account_id, ids)]


async def read_page(
    database: Database, filters: Filters, after: int, count: int
) -> tuple[list[SuppressionAnswer], int]:
    """Those behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["suppression_page"], *filters, after, count + 1)
    return [_answer(row) for row in rows], await database.fetch_value(QUERIES["suppression_total"], *filters)


async def write_csv(database: Database, filters: Filters, after: int, count: int | None) -> AsyncIterator[bytes]:
    """A header and at most ``count`` lines behind id ``after``; None: all of them, in flat memory."""
    yield csv_lines([CSV_COLUMNS])
    left = count
    while left is None or left > 0:
        limit = ROWS_AT_ONCE if left is None else min(left, ROWS_AT_ONCE)
        rows = await database.fetch(QUERIES["suppression_page"], *filters, after, limit)
        if rows:
            yield csv_lines([[_answer(row).get(column) for column in CSV_COLUMNS] for row in rows])
            after = rows[-1]["id"]
        if len(rows) < limit:
            return
        left = None if left is None else left - len(rows)


def _answer(row: Row) -> SuppressionAnswer:
    line: dict[str, Any] = {
        "id": row["id"],
        "channel": row["channel"],
        "email" if row["channel"] == "email" else "telephone": row["address"],
        "list_id": row["list_id"],
        "reason": row["reason"],
        "marketing_only": row["marketing_only"],
        "source": row["source"],
        "detail": row["detail"],
        "subscriber_id": row["subscriber_id"],
        "task_id": row["task_id"],
        "cdate": moment(row["cdate"]),
    }
    return cast(SuppressionAnswer, line)
