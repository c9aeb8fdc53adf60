"""Freezes the audience of a task to a search, or to segments: whoever they find at its start, page by page.

Each person is looked at once, in the order of ids, so nobody is there twice however many lists he is on. What the
search was, the moment it is asked at, and what the names of lists in it mean are settled before the first page: whoever
takes over goes on by the same.
"""

from collections.abc import Sequence
from typing import Any, Final

from services.dispatcher.decisions.page_size import next_page_size
from services.dispatcher.planner.statements import STATEMENTS
from shared.audience.audience import Audience, Values
from shared.audience.compile_query import ADDRESSES, mailable
from shared.audience.count import open_audience
from shared.audience.union import joins_of_any, matches_any
from shared.domain.identifiers import Instant
from shared.domain.read_subscriber_query import from_json
from shared.postgres.database import Database, Row
from shared.runtime.clock import monotonic

DENSE: Final = 4  #: ids on a page for each of its people, up to which it is read in a row


async def freeze_search(database: Database, claimed: Row, rows: int, lease_seconds: float) -> None:
    """``claimed``: the row of ``claim_freezing``; ``rows``: people looked at in the first transaction.

    Ends at the last page, or when the task was cancelled or somebody took over. Raises BadQuery.
    """
    audiences = await _settled(database, claimed)
    if not audiences:
        return
    pages = _Pages(claimed, audiences, rows, lease_seconds)
    while await pages.freeze_next(database):
        pass


async def _settled(database: Database, claimed: Row) -> list[Audience]:
    """As whoever came first has settled it. Empty: nobody is to be found, or the task is somebody else's by now."""
    if claimed["audience"] is None:
        return []  # the search never was the account's
    asked = await _audiences(database, claimed)
    reached = asked[0].reached_lists
    stored = await database.fetch_value(
        STATEMENTS["settle_lists"],
        claimed["task_id"],
        claimed["epoch"],
        {name: list_id for audience in asked for name, list_id in audience.lists.items()},
        None if reached is None else list(reached),
    )
    if stored is None:
        return []
    list_id, lists, at = stored["list_id"], stored["lists"], Instant(stored["at"])
    return [Audience(list_id, from_json(query), lists, at) for query in _queries(stored)]


async def _audiences(database: Database, claimed: Row) -> list[Audience]:
    stored, account_id = claimed["audience"], claimed["account_id"]
    list_id, at = stored["list_id"], Instant(stored["at"])
    return [await open_audience(database, account_id, list_id, query, at) for query in _queries(stored)]


def _queries(stored: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a search the only one; of segments all: they are of one list."""
    segments: list[dict[str, Any]] | None = stored.get("segments")
    return [stored["query"]] if segments is None else segments


class _Pages:
    """The statements of one freeze, made once, and the way from page to page."""

    def __init__(self, claimed: Row, audiences: Sequence[Audience], rows: int, lease_seconds: float) -> None:
        self._claimed = claimed
        self._rows = rows
        self._lease_seconds = lease_seconds
        self._leading = Values(first=3)
        self._next = _next_page(claimed["account_id"], audiences[0], self._leading)
        self._values = Values(first=7, page=("$3", "$4"))
        self._freeze = STATEMENTS["freeze_search_page"].format(
            address=ADDRESSES[claimed["channel"]],
            joins=joins_of_any(audiences, self._values),
            matches=matches_any(audiences, self._values),
            mailable=mailable(audiences[0], claimed["channel"], claimed["message_class"], self._values),
        )

    async def freeze_next(self, database: Database) -> bool:
        """Whether there may be more."""
        task_id, epoch = self._claimed["task_id"], self._claimed["epoch"]
        begun = monotonic()
        async with database.transaction() as connection:
            await connection.execute(STATEMENTS["plan_each"])
            page = await connection.fetch_row(self._next, task_id, self._rows, *self._leading.args)
            if page is None:
                return False
            if page["last"] - page["after"] <= DENSE * page["people"]:
                await connection.execute(STATEMENTS["read_in_a_row"])
            ours: bool = await connection.fetch_value(
                self._freeze,
                task_id,
                epoch,
                page["after"],
                page["last"],
                self._claimed["account_id"],
                self._lease_seconds,
                *self._values.args,
            )
        more = ours and page["people"] == self._rows
        self._rows = next_page_size(self._rows, monotonic() - begun)
        return more


def _next_page(account_id: int, audience: Audience, values: Values) -> str:
    leading = audience.leading_lists
    if leading is None:
        return STATEMENTS["next_of_account"].format(account=values.add(account_id, "bigint"))
    if len(leading) == 1:
        return STATEMENTS["next_of_list"].format(list=values.add(leading[0], "bigint"))
    return STATEMENTS["next_of_lists"].format(lists=values.add(list(leading), "bigint[]"))
