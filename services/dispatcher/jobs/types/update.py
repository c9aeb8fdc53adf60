"""``update``: vars, lists and opt-outs of whoever the lines name, known or not, or of whoever a query finds; and at the
end a campaign.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from services.dispatcher.decisions.merge_people import PersonWish, distinct_lists, merge_people
from services.dispatcher.decisions.read_people import ReadLines, read_updates
from services.dispatcher.jobs.held_job import Chunk, HeldJob, in_chunk
from services.dispatcher.jobs.job_input import fetch_lines, must_fetch, read_lines
from services.dispatcher.jobs.lists import find_lists, make_lists
from services.dispatcher.jobs.people.settle import hashed_people, settle_people
from services.dispatcher.jobs.people.statements import STATEMENTS
from services.dispatcher.jobs.people.tell import append_change, in_order, totals
from services.dispatcher.jobs.people.update_profiles import update_settled
from services.dispatcher.jobs.schedule_campaign import schedule_campaign
from services.dispatcher.jobs.types.update_query import update_page
from services.dispatcher.jobs.work import JobTools, Outcome
from shared.domain.profile_update import ProfileUpdate, stored_update

_PIECE: Final = "piece"
_LISTED: Final = ("line", "list_id", "wanted")


async def work_update(tools: JobTools, job: HeldJob) -> Outcome | None:
    """One piece of the lines, or one page of the query. ``cursor``: the next one."""
    if must_fetch(job):
        return await fetch_lines(tools, job)
    every = stored_update(job.params["update"])
    if "query" in job.params:
        more = await update_page(tools, job, every)
    else:
        more = await _update_piece(tools, job, every)
    return None if more else await schedule_campaign(tools, job)


async def _update_piece(tools: JobTools, job: HeldJob, every: ProfileUpdate) -> bool:
    piece = int(job.cursor.get(_PIECE, 0))
    lines = await read_lines(tools, job, piece)
    if lines is None:
        return False
    read = read_updates(lines.data, lines.first_line, tools.now())
    wishes = merge_people(read)
    for wish in wishes:
        wish.update = every.then(wish.update)
        wish.vars = wish.update.vars
    lists = await _lists(tools, job, wishes)
    wishes = [wish for wish in wishes if not _blamed(wish, lists, read)]
    step = _Step(piece, (piece + 1) / lines.pieces, read.rows, wishes, lists, read.faults)
    await in_chunk(tools.database, job, partial(_apply, tools, job, step))
    return True


async def _lists(tools: JobTools, job: HeldJob, wishes: list[PersonWish]) -> dict[str, int]:
    """Ids by name. Whatever somebody is to be on is made; whatever he is to leave may be missing."""
    named = distinct_lists(wishes)
    made = await make_lists(tools, job, [name for name, wanted in named.items() if wanted])
    return made | await find_lists(tools, job, [name for name, wanted in named.items() if not wanted])


def _blamed(wish: PersonWish, lists: Mapping[str, int], read: ReadLines) -> bool:
    unknown = [name for name in wish.update.lists if name not in lists]
    if unknown:
        read.blame(wish.line, f"lists: there is no list {unknown[0]!r}")
    return bool(unknown)


@dataclass(frozen=True, slots=True)
class _Step:
    """A piece that is read. ``lists``: ids by name."""

    piece: int
    progress: float
    rows: int
    wishes: list[PersonWish]
    lists: Mapping[str, int]
    faults: list[tuple[int, str]]

    def listed(self) -> list[tuple[Any, ...]]:
        return [
            (wish.line, self.lists[name], wanted) for wish in self.wishes for name, wanted in wish.update.lists.items()
        ]


async def _apply(tools: JobTools, job: HeldJob, step: _Step, chunk: Chunk) -> None:
    connection = chunk.connection
    people = hashed_people(tools.hashes, job.account_id, step.wishes)
    done = await settle_people(connection, tools, job, people, None)
    await connection.execute(STATEMENTS["open_lists"])
    await connection.copy_rows("incoming_list", _LISTED, step.listed())
    left = await update_settled(connection, tools, job, step.piece)
    await append_change(connection, job, step.piece, done, tools.now(), unsubscribed=left)
    chunk.cursor, chunk.progress, chunk.rows = {**job.cursor, _PIECE: step.piece + 1}, step.progress, step.rows
    chunk.faults = in_order(step.faults, done.faults)
    chunk.result = totals(job, done)
