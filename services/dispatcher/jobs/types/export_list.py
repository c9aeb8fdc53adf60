"""``export_list_data``: what is known of everybody on a list, as CSV. No address leaves: a hash stands for it."""

from functools import partial
from typing import Any, Final

from services.dispatcher.jobs.files.statements import STATEMENTS
from services.dispatcher.jobs.files.write_file import FileOrder, Page, write_file
from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.lists import find_lists
from services.dispatcher.jobs.work import Failed, JobTools, Outcome
from shared.audience.audience import Values
from shared.audience.standing import engagement_level, hard_bounced, soft_bounced, with_seen
from shared.domain.file_name import csv_name
from shared.domain.identifiers import Instant

ROWS: Final = 20_000  #: of a page

_LISTS: Final = "Lists"
_COLUMNS: Final = (
    "Profile Id",
    "Email Hash",
    "Domain",
    "Engagement",
    _LISTS,
    "Profile Created Date",
    "Signup",
    "Opens",
    "Clicks",
    "Last Open",
    "Last Click",
    "Optout Time",
    "List Signup",
    "Email Status",
)


async def work_export_list(tools: JobTools, job: HeldJob) -> Outcome | None:
    """``params``: ``list``, ``lists`` (whether the column is wanted), ``vars`` (names)."""
    name = job.params["list"]
    found = await find_lists(tools, job, [name])
    if name not in found:
        return Failed("the list is no more")
    columns = tuple(column for column in _COLUMNS if column != _LISTS or job.params["lists"])
    order = FileOrder(
        csv_name(name), (*columns, *job.params["vars"]), partial(_read_page, tools, job, found[name], tools.now())
    )
    return await write_file(tools, job, order)


async def _read_page(tools: JobTools, job: HeldJob, list_id: int, now: Instant, at: Any) -> Page:
    """``at``: behind which subscriber, how many are done, and how many there were at the first page."""
    database = tools.database
    after, done, size = at or (0, 0, await database.fetch_value(STATEMENTS["size_of_list"], list_id))
    last = await database.fetch_value(STATEMENTS["page_of_list"], list_id, after, ROWS)
    if last is None:
        return Page(b"", 0, None, 1.0)
    statement, args = list_statement(job.params, now)
    async with database.transaction() as connection:
        await connection.execute(STATEMENTS["go_by_index"])
        csv, rows = await connection.copy_csv(statement, list_id, after, last, job.account_id, *args)
    done += rows
    return Page(csv, rows, [last, done, size], min(1.0, done / max(1, size)))


def list_statement(params: Any, now: Instant) -> tuple[str, list[object]]:
    """The rows of a page, and the arguments from $5 on."""
    values = Values(first=5)
    statement = STATEMENTS["list_rows"].format(
        seen=with_seen(values),
        engagement=engagement_level(now, values),
        hard_bounced=hard_bounced(values),
        soft_bounced=soft_bounced(now, values),
        lists="csv_cell(held.lists)," if params["lists"] else "",
        vars="".join(STATEMENTS["list_var"].format(field=values.add(name, "text")) for name in params["vars"]),
    )
    return statement, values.args
