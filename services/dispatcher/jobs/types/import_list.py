"""``import``: puts whoever the lines name on a list. It lifts no unsubscribe, no opt-out and no suppression."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from services.dispatcher.decisions.merge_people import PersonWish, merge_people
from services.dispatcher.decisions.read_people import Columns, read_addresses, read_csv, read_header
from services.dispatcher.jobs.held_job import Chunk, HeldJob, in_chunk
from services.dispatcher.jobs.job_input import fetch_lines, must_fetch, read_lines
from services.dispatcher.jobs.lists import make_lists
from services.dispatcher.jobs.people.settle import settle_people
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.people.tell import append_change, in_order, totals
from services.dispatcher.jobs.work import Completed, Failed, JobTools, Outcome

SOURCE: Final = "import"  #: of the subscriptions

_PIECE: Final = "piece"
_COLUMNS: Final = "columns"
_DELIMITER: Final = "delimiter"


async def work_import(tools: JobTools, job: HeldJob) -> Outcome | None:
    """One piece of the lines. ``cursor``: the piece that is next, and the columns of a header row."""
    if must_fetch(job):
        return await fetch_lines(tools, job)
    [list_id] = (await make_lists(tools, job, [job.params["list"]])).values()
    piece = int(job.cursor.get(_PIECE, 0))
    lines = await read_lines(tools, job, piece)
    if lines is None:
        return Completed()
    columns = read_header(lines.data) if piece == 0 else _columns(job)
    if isinstance(columns, str):
        return Failed(columns)
    read = read_csv(lines.data, lines.first_line, columns) if columns else read_addresses(lines.data, lines.first_line)
    wishes = merge_people(read)
    cursor = {_PIECE: piece + 1, **({_COLUMNS: list(columns.names), _DELIMITER: columns.delimiter} if columns else {})}
    step = _Step(piece, {**job.cursor, **cursor}, (piece + 1) / lines.pieces, read.rows, wishes, read.faults)
    await in_chunk(tools.database, job, partial(_apply, tools, job, list_id, step))
    return None


def _columns(job: HeldJob) -> Columns | None:
    names = job.cursor.get(_COLUMNS)
    return Columns(tuple(names), job.cursor[_DELIMITER]) if names else None


@dataclass(frozen=True, slots=True)
class _Step:
    """A piece that is read. ``cursor`` and ``progress``: once it is done."""

    piece: int
    cursor: Mapping[str, Any]
    progress: float
    rows: int
    wishes: Sequence[PersonWish]
    faults: Sequence[tuple[int, str]]


async def _apply(tools: JobTools, job: HeldJob, list_id: int, step: _Step, chunk: Chunk) -> None:
    connection, now = chunk.connection, tools.now()
    done = await settle_people(connection, tools, job, step.wishes, list_id)
    await connection.execute(STATEMENTS["subscribe_all"], list_id, SOURCE, now)
    await append_change(connection, job, step.piece, done, now, list_id)
    chunk.cursor, chunk.progress, chunk.rows = step.cursor, step.progress, step.rows
    chunk.faults = in_order(step.faults, done.faults)
    chunk.result = totals(job, done)
