"""``blast_query``: what became of every recipient of a campaign, as CSV. No address leaves: a hash stands for it."""

from functools import partial
from typing import Any, Final

from services.dispatcher.decisions.recipient_times import RecipientTimes
from services.dispatcher.jobs.campaigns.hits import read_times
from services.dispatcher.jobs.campaigns.read import QUERIES, SentTask, read_tasks
from services.dispatcher.jobs.files.write_file import FileOrder, Page, write_file
from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.work import JobTools, Outcome
from shared.domain.csv_lines import csv_lines
from shared.domain.delivery import Kind
from shared.domain.file_name import csv_name
from shared.domain.identifiers import CHUNK
from shared.domain.job_answer import rfc2822
from shared.postgres.database import Row

ROWS_AT_ONCE: Final = 2_000  #: made of the log without letting others work

_COLUMNS: Final = (
    "Profile Id",
    "Email Hash",
    "Send Time",
    "Open Time",
    "Click Time",
    "First Ten Clicks",
    "First Ten Clicks Time",
)


async def work_blast_query(tools: JobTools, job: HeldJob) -> Outcome | None:
    """``params``: ``blast_id``."""
    tasks = await read_tasks(tools, job)
    filename = csv_name(f"blast {job.params['blast_id']}")
    return await write_file(tools, job, FileOrder(filename, _COLUMNS, partial(_read_page, tools, tasks)))


async def _read_page(tools: JobTools, tasks: list[SentTask], at: Any) -> Page:
    """A chunk of one task. ``at``: the place of the task, and the first ordinal."""
    place, first = at or (0, 0)
    while place < len(tasks) and first >= tasks[place].recipients:
        place, first = place + 1, 0
    if place == len(tasks):
        return Page(b"", 0, None, 1.0)
    task = tasks[place]
    last = min(first + CHUNK, task.recipients) - 1
    csv = await _write_rows(tools, task, first, last)
    done = sum(each.recipients for each in tasks[:place]) + last + 1
    return Page(csv, last - first + 1, [place, last + 1], done / sum(each.recipients for each in tasks))


async def _write_rows(tools: JobTools, task: SentTask, first: int, last: int) -> bytes:
    times = await read_times(tools.database, task.task_id, first, last)
    csv = bytearray()
    for begin in range(first, last + 1, ROWS_AT_ONCE):
        end = min(begin + ROWS_AT_ONCE - 1, last)
        rows = await tools.database.fetch(QUERIES["recipients"], task.task_id, begin, end, task.channel == "email")
        csv += csv_lines([_cells(row, task, times) for row in rows], end="\n")
    return bytes(csv)


def _cells(row: Row, task: SentTask, times: RecipientTimes) -> tuple[object, ...]:
    ordinal: int = row["ordinal"]
    clicks = times.clicks(ordinal)
    return (
        row["subscriber_id"],
        row["hash"],
        *(_told(times.time(kind, ordinal)) for kind in (Kind.SUBMITTED, Kind.OPENED, Kind.CLICKED)),
        " ".join(task.links[link - 1] for _, link in clicks if 0 < link <= len(task.links)),
        "|".join(rfc2822(time) for time, _ in clicks),
    )


def _told(time: int | None) -> str | None:
    return None if time is None else rfc2822(time)
