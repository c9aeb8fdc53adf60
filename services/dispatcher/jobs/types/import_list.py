"""``import``: puts whoever the lines name on a list. It lifts no unsubscribe, no opt-out and no suppression."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from services.dispatcher.decisions.merge_people import merge_people
from services.dispatcher.decisions.read_people import Columns, read_addresses, read_csv, read_header
from services.dispatcher.jobs.held_job import Chunk, HeldJob, in_chunk
from services.dispatcher.jobs.job_input import Lines, fetch_lines, must_fetch, read_lines
from services.dispatcher.jobs.lists import make_lists
from services.dispatcher.jobs.people.settle import People, hashed_people, settle_people
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.people.tell import append_change, in_order, totals
from services.dispatcher.jobs.work import Completed, Failed, JobTools, Outcome

SOURCE: Final = "import"  #: of the subscriptions

_PIECE: Final = "piece"
_COLUMNS: Final = "columns"
_DELIMITER: Final = "delimiter"


async def work_import(tools: JobTools, job: HeldJob) -> Outcome | None:
    """One piece of the lines. ``cursor``: the piece that is next, and the columns of a header row.

    While the database works at a piece the next one is read.
    """
    if must_fetch(job):
        return await fetch_lines(tools, job)
    [list_id] = (await make_lists(tools, job, [job.params["list"]])).values()
    piece = int(job.cursor.get(_PIECE, 0))
    ahead, job.ahead = job.ahead, None
    step = await (ahead or _prepare(tools, job, piece, _columns(job)))
    if not isinstance(step, _Step):
        return step
    job.ahead = asyncio.create_task(_prepare(tools, job, piece + 1, step.columns))
    await in_chunk(tools.database, job, partial(_apply, tools, job, list_id, step))
    return None


def _columns(job: HeldJob) -> Columns | None:
    names = job.cursor.get(_COLUMNS)
    return Columns(tuple(names), job.cursor[_DELIMITER]) if names else None


@dataclass(frozen=True, slots=True)
class _Step:
    """A piece that is read."""

    piece: int
    pieces: int
    columns: Columns | None
    rows: int
    people: People
    faults: Sequence[tuple[int, str]]

    @property
    def cursor(self) -> Mapping[str, Any]:
        """Once it is done."""
        columns = self.columns
        header = {_COLUMNS: list(columns.names), _DELIMITER: columns.delimiter} if columns else {}
        return {_PIECE: self.piece + 1, **header}


async def _prepare(tools: JobTools, job: HeldJob, piece: int, columns: Columns | None) -> _Step | Outcome:
    """Completed: there is no such piece."""
    lines = await read_lines(tools, job, piece)
    if lines is None:
        return Completed()
    return await asyncio.to_thread(_read, tools, job, piece, lines, columns)


def _read(tools: JobTools, job: HeldJob, piece: int, lines: Lines, known: Columns | None) -> _Step | Outcome:
    dated = bool(job.params.get("signup_dates"))
    columns = read_header(lines.data, dated=dated) if piece == 0 else known
    if isinstance(columns, str):
        return Failed(columns)
    if columns:
        read = read_csv(lines.data, lines.first_line, columns, tools.now() if dated else None)
    else:
        read = read_addresses(lines.data, lines.first_line)
    people = hashed_people(tools.hashes, job.account_id, merge_people(read))
    return _Step(piece, lines.pieces, columns, read.rows, people, read.faults)


async def _apply(tools: JobTools, job: HeldJob, list_id: int, step: _Step, chunk: Chunk) -> None:
    connection, now = chunk.connection, tools.now()
    done = await settle_people(connection, tools, job, step.people, list_id)
    await connection.execute(STATEMENTS["subscribe_new" if done.all_new else "subscribe_all"], list_id, SOURCE, now)
    await append_change(connection, job, step.piece, done, now, list_id)
    chunk.cursor, chunk.rows = {**job.cursor, **step.cursor}, step.rows
    chunk.progress = (step.piece + 1) / step.pieces
    chunk.faults = in_order(step.faults, done.faults)
    chunk.result = totals(job, done)
