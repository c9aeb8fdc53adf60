"""``export_scheduled_sends``: the tasks that have not started, as CSV."""

from functools import partial
from typing import Any, Final

from services.dispatcher.jobs.files.statements import STATEMENTS
from services.dispatcher.jobs.files.write_file import FileOrder, Page, write_file
from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.work import JobTools, Outcome
from shared.domain.file_name import csv_name

ROWS: Final = 10_000  #: of a page

_COLUMNS: Final = (
    "Task Id",
    "Name",
    "Channel",
    "Message Id",
    "List",
    "Search",
    "Scheduled Time",
    "Size",
    "Rate",
)


async def work_export_tasks(tools: JobTools, job: HeldJob) -> Outcome | None:
    return await write_file(
        tools, job, FileOrder(csv_name("scheduled sends"), _COLUMNS, partial(_read_page, tools, job))
    )


async def _read_page(tools: JobTools, job: HeldJob, at: Any) -> Page:
    """``at``: behind which task."""
    after = at or 0
    last = await tools.database.fetch_value(STATEMENTS["page_of_tasks"], job.account_id, after, ROWS)
    if last is None:
        return Page(b"", 0, None, 1.0)
    csv, rows = await tools.database.copy_csv(STATEMENTS["task_rows"], job.account_id, after, last)
    return Page(csv, rows, last, 0.5)
