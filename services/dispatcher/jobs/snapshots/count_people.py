"""Counts whomever a query finds by what is known of them, in one pass of the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from services.dispatcher.decisions.tell_snapshot import MOST_DOMAINS, tell_snapshot
from shared.audience.audience import Audience, Values
from shared.audience.compile_query import matches
from shared.audience.standing import engagement_level, hard_bounced, soft_bounced, soft_suppressed, with_seen
from shared.postgres.database import Database
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

MOST_SECONDS: Final = 600.0  #: it only reads, so it holds nobody up


async def count_people(
    database: Database, account_id: int, audience: Audience, tasks: Sequence[int] | None = None
) -> dict[str, Any]:
    """``tasks``: among the recipients of these alone; None: among everybody."""
    statement, args = snapshot_statement(audience, tasks)
    async with database.transaction() as connection:
        await connection.execute(QUERIES["hash_rather_than_sort"])
        rows = await connection.fetch_slowly(MOST_SECONDS, statement, account_id, MOST_DOMAINS + 1, *args)
    return tell_snapshot([dict(row) for row in rows])


def snapshot_statement(audience: Audience, tasks: Sequence[int] | None) -> tuple[str, list[object]]:
    """And its arguments from $3 on."""
    values, lists = Values(first=3), audience.reached_lists
    statement = QUERIES["snapshot"].format(
        seen=with_seen(values),
        hard_bounced=hard_bounced(values),
        soft_suppressed=soft_suppressed(values),
        engagement=engagement_level(audience.at, values, hard="coalesce(held.hard, false)"),
        soft_bounced=soft_bounced(audience.at, values, suppressed="coalesce(held.soft, false)"),
        matches=matches(audience, values),
        signup="person.cdate" if lists is None else "signed.signup_at",
        signed_up="" if lists is None else QUERIES["signed_up"].format(lists=values.add(list(lists), "bigint[]")),
        among="" if tasks is None else QUERIES["among_recipients"].format(tasks=values.add(list(tasks), "bigint[]")),
    )
    return statement, values.args
