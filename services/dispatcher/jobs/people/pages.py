"""The way through the people of a query, page by page in the order of their ids, each looked at once."""

from dataclasses import dataclass
from typing import Any

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.work import JobTools
from shared.audience.audience import Audience
from shared.audience.count import open_audience
from shared.domain.identifiers import Instant
from shared.domain.read_subscriber_query import from_json
from shared.postgres.database import Connection

#: In a cursor: the moment that the query is asked at, and the lists that it names as they were then; the newest
#: subscriber of the account then: whoever came later is not looked for.
AT, LISTS, NEWEST = "at", "lists", "newest"


@dataclass(frozen=True, slots=True)
class Page:
    """Behind ``after``, up to ``last``. ``people`` were looked at, found or not; ``ends``: there are no more."""

    after: int
    last: int
    people: int
    ends: bool


async def ask(tools: JobTools, job: HeldJob, query: dict[str, Any]) -> dict[str, Any]:
    """What a cursor must hold so that all of the query's pages are asked by the same."""
    audience = await open_audience(tools.database, job.account_id, None, query, tools.now())
    newest = await tools.database.fetch_value(STATEMENTS["last_of_account"], job.account_id)
    return {AT: audience.at, LISTS: dict(audience.lists), NEWEST: newest}


def audience_of(query: dict[str, Any], cursor: dict[str, Any]) -> Audience:
    """``cursor``: holds what ``ask`` said."""
    return Audience(None, from_json(query), cursor[LISTS], Instant(cursor[AT]))


async def next_page(
    connection: Connection, account_id: int, audience: Audience, newest: int, after: int, people: int
) -> Page | None:
    """None: there is nobody more."""
    leading = audience.leading_lists
    if leading is None:
        row = await connection.fetch_row(STATEMENTS["next_of_account"], account_id, after, people)
    else:
        row = await connection.fetch_row(STATEMENTS["next_of_lists"], list(leading), after, people)
    if row is None or row["last"] is None:
        return None
    last = min(row["last"], newest)
    return Page(after, last, row["people"], row["people"] < people or row["last"] >= newest) if last > after else None
