"""The lines of a job: fetched from a URL where that is where they are, and read piece by piece."""

from dataclasses import dataclass
from typing import Final

from services.dispatcher.jobs.held_job import HeldJob, LeaseLost, chunk_of
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.work import Failed, JobTools, Later
from shared.domain.cut_pieces import Piece, PieceCutter
from shared.egress.client import NotReached, Refused, TooMuch
from shared.sealed_urls import open_credentials
from shared.sealing import CannotOpen

MOST_BYTES: Final = 100_000_000  #: behind a URL
FETCH_SECONDS: Final = 300.0
PAUSES: Final = (1.0, 15.0, 60.0, 300.0)  #: seconds between tries

_PASSING: Final = (408, 425, 429)  #: statuses of a client's fault that a later try may not meet

_FETCHED: Final = "fetched"
_TRIES: Final = "tries"


@dataclass(frozen=True, slots=True)
class Lines:
    """One piece. ``pieces``: how many there are in all."""

    first_line: int
    data: bytes
    pieces: int


def must_fetch(job: HeldJob) -> bool:
    return "url" in job.params and not job.cursor.get(_FETCHED)


async def fetch_lines(tools: JobTools, job: HeldJob) -> Failed | None:
    """All of it, in flat memory, before the first line is done: half of a file that broke off is nothing to import.

    What cannot be had is asked for again a few times. Raises Later, LeaseLost, DatabaseError.
    """
    await tools.database.execute(STATEMENTS["drop_pieces"], job.number)
    try:
        await _download(tools, job)
    except NotReached as error:
        tries = int(job.cursor.get(_TRIES, 0))
        if isinstance(error, Refused | TooMuch) or tries == len(PAUSES):
            return Failed(f"url: {error}")
        async with chunk_of(tools.database, job) as chunk:
            chunk.cursor = {**job.cursor, _TRIES: tries + 1}
        raise Later(PAUSES[tries]) from None
    async with chunk_of(tools.database, job) as chunk:
        chunk.cursor = {**job.cursor, _FETCHED: True}
    return None


async def _download(tools: JobTools, job: HeldJob) -> None:
    cutter = PieceCutter()
    try:
        url = open_credentials(tools.secret, job.account_id, job.params["url"])
    except CannotOpen:
        raise Refused("its user and password cannot be opened") from None
    async with tools.egress.download(url, seconds=FETCH_SECONDS, most_bytes=MOST_BYTES) as answer:
        if not 200 <= answer.status < 300:
            words = f"it answered {answer.status}"
            raise NotReached(words) if answer.status in _PASSING or answer.status >= 500 else Refused(words)
        async for data in answer.chunks:
            for piece in cutter.feed(data):
                await _store(tools, job, piece)
    for piece in cutter.finish():
        await _store(tools, job, piece)


async def _store(tools: JobTools, job: HeldJob, piece: Piece) -> None:
    row = (*job.hold, piece.number, piece.first_line, piece.data)
    if not await tools.database.execute(STATEMENTS["add_piece"], *row):
        raise LeaseLost(f"job {job.number}")


async def read_lines(tools: JobTools, job: HeldJob, piece: int) -> Lines | None:
    """None: there are no more."""
    row = await tools.database.fetch_row(STATEMENTS["read_piece"], job.number, piece)
    return Lines(row["first_line"], row["data"], row["pieces"]) if row else None
