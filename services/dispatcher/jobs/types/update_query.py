"""An update of whoever a query finds: page by page, each person once, by the query as it was asked at first."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from services.dispatcher.jobs.held_job import Chunk, HeldJob, in_chunk
from services.dispatcher.jobs.lists import find_lists, make_lists
from services.dispatcher.jobs.people.pages import NEWEST, Page, ask, audience_of, next_page
from services.dispatcher.jobs.people.settle import Settled
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.people.tell import append_change, totals
from services.dispatcher.jobs.people.update_profiles import update_settled
from services.dispatcher.jobs.work import JobTools
from shared.audience.audience import Values
from shared.audience.compile_query import joins, matches
from shared.domain.profile_update import ProfileUpdate

PEOPLE: Final = 5_000  #: looked at in one chunk

_AFTER: Final = "after"
_PAGE: Final = "page"


async def update_page(tools: JobTools, job: HeldJob, update: ProfileUpdate) -> bool:
    """Whether there may be more."""
    query = job.params["query"]
    cursor = {**(job.cursor if NEWEST in job.cursor else await ask(tools, job, query))}
    wanted = await make_lists(tools, job, [name for name, on in update.lists.items() if on])
    unwanted = await find_lists(tools, job, [name for name, on in update.lists.items() if not on])
    step = _Step(
        query, cursor, update, {**dict.fromkeys(wanted.values(), True), **dict.fromkeys(unwanted.values(), False)}
    )
    await in_chunk(tools.database, job, partial(_apply, tools, job, step))
    return bool(job.cursor[_AFTER] < cursor[NEWEST])


@dataclass(frozen=True, slots=True)
class _Step:
    """``lists``: by id, whether to be on it."""

    query: dict[str, Any]
    cursor: dict[str, Any]
    update: ProfileUpdate
    lists: Mapping[int, bool]


async def _apply(tools: JobTools, job: HeldJob, step: _Step, chunk: Chunk) -> None:
    connection, audience = chunk.connection, audience_of(step.query, step.cursor)
    after, number, newest = step.cursor.get(_AFTER, 0), step.cursor.get(_PAGE, 0), step.cursor[NEWEST]
    await connection.execute(STATEMENTS["open_staging"])
    await connection.execute(STATEMENTS["open_lists"])
    await connection.execute(STATEMENTS["go_by_index"])
    page = await next_page(connection, job.account_id, audience, newest, after, PEOPLE)
    if page is not None:
        done = await _update(tools, job, step, chunk, page, number)
        chunk.rows, chunk.result = len(done.updated), totals(job, done)
    last = newest if page is None or page.ends else page.last
    chunk.cursor = {**step.cursor, _AFTER: last, _PAGE: number + 1}
    chunk.progress = last / newest if newest else 1.0


async def _update(tools: JobTools, job: HeldJob, step: _Step, chunk: Chunk, page: Page, number: int) -> Settled:
    connection, audience, values = chunk.connection, audience_of(step.query, step.cursor), Values(8, ("$2", "$3"))
    statement = STATEMENTS["settle_page"].format(joins=joins(audience.query, values), matches=matches(audience, values))
    update, place = step.update, (job.account_id, page.after, page.last)
    said = (dict(update.vars) or None, update.optout, sorted(update.delete_vars) or None, update.signup_date)
    await connection.execute(statement, *place, *said, *values.args)
    await connection.execute(STATEMENTS["change_known"])
    await connection.execute(STATEMENTS["name_lists"], list(step.lists), list(step.lists.values()))
    left = await update_settled(connection, tools, job, number)
    [row] = await connection.fetch(STATEMENTS["what_happened"])
    done = Settled(row["created"], row["updated"], row["skipped"], ())
    await append_change(connection, job, number, done, tools.now(), unsubscribed=left)
    return done
