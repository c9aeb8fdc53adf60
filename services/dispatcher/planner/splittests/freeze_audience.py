"""Freezes the audience of a started split test, once for all its tasks, and draws the sample from it.

As for a task to a search: each person is looked at once, page by page in the order of ids, and whoever takes over goes
on from the cursor. The draw and the tasks of the variants are recorded in one transaction: there is no moment at which
some of them are there and others are not.
"""

from collections.abc import Callable, Sequence

import structlog

from services.dispatcher.decisions.page_size import next_page_size
from services.dispatcher.planner.splittests.statements import STATEMENTS
from shared.audience.audience import Audience, Values
from shared.audience.compile_query import joins, mailable, matches
from shared.audience.count import open_audience
from shared.domain.identifiers import INT63_MAX, Instant, splittest_stream
from shared.domain.read_subscriber_query import from_json
from shared.domain.split_test import DrawSample, SplitTest
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow
from shared.postgres.database import Database, Row
from shared.runtime.clock import monotonic

log = structlog.get_logger(__name__)

FIRST_PAGE = 10_000  #: people looked at in the first transaction
LEASE_SECONDS = 15.0


async def freeze_one_splittest(
    database: Database, handler: Handler, owner: int, random_id: Callable[[], int], rows: int = FIRST_PAGE
) -> bool:
    """Freezes one to the end and draws from it. False when there is none to freeze."""
    claimed = await database.fetch_row(STATEMENTS["claim_splitting"], owner, LEASE_SECONDS)
    if claimed is None:
        return False
    audience = await _settled(database, claimed)
    if audience is not None:
        pages = _Pages(claimed, audience, rows)
        while await pages.freeze_next(database):
            pass
    reached = await database.fetch_row(STATEMENTS["freezing_done"], claimed["task_id"], claimed["epoch"], INT63_MAX)
    if reached is not None:
        await _draw(handler, claimed, DrawSample(reached["recipients"], random_id()))
    return True


async def _draw(handler: Handler, claimed: Row, command: DrawSample) -> None:
    splittest_id, actor = claimed["splittest_id"], Actor(claimed["account_id"])
    stream = splittest_stream(splittest_id)
    await handler.handle(SPLIT_TESTS, stream, command, actor, also=_close, then=follow)
    log.info("sample drawn", action="sample_drawn", splittest_id=splittest_id, recipients=command.recipients)


def _close(test: SplitTest) -> Sequence[Write]:
    return [Write(STATEMENTS["close_splitting"], (test.rest_task_id,))]


async def _settled(database: Database, claimed: Row) -> Audience | None:
    """As whoever came first has settled it. None: nobody is to be found, or it is somebody else's by now."""
    stored = claimed["audience"]
    if stored is None:
        return None  # the search never was the account's
    asked = await open_audience(
        database, claimed["account_id"], stored["list_id"], stored["query"], Instant(stored["at"])
    )
    reached = asked.reached_lists
    stored = await database.fetch_value(
        STATEMENTS["settle_splitting"],
        claimed["task_id"],
        claimed["epoch"],
        dict(asked.lists),
        None if reached is None else list(reached),
    )
    if stored is None:
        return None
    return Audience(stored["list_id"], from_json(stored["query"]), stored["lists"], Instant(stored["at"]))


class _Pages:
    """The statements of one freeze, made once, and the way from page to page."""

    def __init__(self, claimed: Row, audience: Audience, rows: int) -> None:
        self._claimed = claimed
        self._rows = rows
        self._leading = Values(first=3)
        self._next = _next_page(claimed["account_id"], audience, self._leading)
        self._values = Values(first=7, page=("$3", "$4"))
        self._freeze = STATEMENTS["freeze_page"].format(
            joins=joins(audience.query, self._values),
            matches=matches(audience, self._values),
            mailable=mailable(audience, "email", claimed["message_class"], self._values),
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
            ours: bool = await connection.fetch_value(
                self._freeze,
                task_id,
                epoch,
                page["after"],
                page["last"],
                self._claimed["account_id"],
                LEASE_SECONDS,
                *self._values.args,
            )
        more = ours and page["people"] == self._rows
        self._rows = next_page_size(self._rows, monotonic() - begun)
        return more


def _next_page(account_id: int, audience: Audience, values: Values) -> str:
    leading = audience.leading_lists
    if leading is None:
        return STATEMENTS["next_of_account"].format(account=values.add(account_id, "bigint"))
    return STATEMENTS["next_of_lists"].format(lists=values.add(list(leading), "bigint[]"))
