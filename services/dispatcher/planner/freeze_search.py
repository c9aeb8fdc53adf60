"""Freezes the audience of a task to a search: whoever the search finds at the start of the task, page by page.

Each person is looked at once, in the order of ids, so nobody is there twice however many lists he is on. What the
search was, the moment it is asked at, and what the names of lists in it mean are settled before the first page: whoever
takes over goes on by the same.
"""

from services.dispatcher.planner.statements import STATEMENTS
from shared.audience.audience import Audience, Values
from shared.audience.compile_query import ADDRESSES, joins, mailable, matches
from shared.audience.count import open_audience
from shared.domain.identifiers import Instant
from shared.domain.read_subscriber_query import from_json
from shared.postgres.database import Database, Row


async def freeze_search(database: Database, claimed: Row, rows: int, lease_seconds: float) -> None:
    """``claimed``: the row of ``claim_freezing``; ``rows``: people looked at in one transaction.

    Ends at the last page, or when the task was cancelled or somebody took over. Raises BadQuery.
    """
    audience = await _settled(database, claimed)
    if audience is None:
        return
    values = Values(first=5)
    statement = _statement(claimed, audience, values)
    looked_at = rows
    while looked_at == rows:
        async with database.transaction() as connection:
            await connection.execute(STATEMENTS["go_by_index"])
            looked_at = await connection.fetch_value(
                statement, claimed["task_id"], claimed["epoch"], rows, lease_seconds, *values.args
            )


async def _settled(database: Database, claimed: Row) -> Audience | None:
    """As whoever came first has settled it. None: nobody is to be found, or the task is somebody else's by now."""
    if claimed["audience"] is None:
        return None  # the search never was the account's
    asked = await _audience(database, claimed)
    reached = asked.reached_lists
    stored = await database.fetch_value(
        STATEMENTS["settle_lists"],
        claimed["task_id"],
        claimed["epoch"],
        dict(asked.lists),
        None if reached is None else list(reached),
    )
    if stored is None:
        return None
    return Audience(stored["list_id"], from_json(stored["query"]), stored["lists"], Instant(stored["at"]))


async def _audience(database: Database, claimed: Row) -> Audience:
    stored = claimed["audience"]
    return await open_audience(
        database, claimed["account_id"], stored["list_id"], stored["query"], Instant(stored["at"])
    )


def _statement(claimed: Row, audience: Audience, values: Values) -> str:
    leading = audience.leading_lists
    if leading is None:
        page = STATEMENTS["page_of_account"].format(account=values.add(claimed["account_id"], "bigint"))
    else:
        page = STATEMENTS["page_of_lists"].format(lists=values.add(list(leading), "bigint[]"))
    return STATEMENTS["freeze_search_chunk"].format(
        page=page,
        address=ADDRESSES[claimed["channel"]],
        joins=joins(audience.query),
        matches=matches(audience, values),
        mailable=mailable(audience, claimed["channel"], claimed["message_class"], values),
    )
