"""A job while this process holds it, and the chunk: a transaction that changes rows and moves the job's cursor."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from services.dispatcher.jobs.statements import STATEMENTS
from shared.domain.job import Kind
from shared.domain.job_answer import MOST_ERRORS
from shared.postgres.database import Connection, Contended, Database, Row, UniqueViolation
from shared.runtime import crash_points

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 3.0
TRIES: Final = 6  #: how often a chunk is begun anew for what others did at the same moment


class LeaseLost(Exception):
    """Somebody else may be at the job by now; nothing of this chunk is stored."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with one line, by its number from 1. The words name no address."""

    line: int
    message: str


@dataclass(slots=True, eq=False)
class HeldJob:
    """``number``: its id in tables and streams. ``params``: as its type has read them at POST. ``cursor``: where the
    next chunk begins, empty at first. ``rows``, ``rows_failed``, ``result``: so far. ``ahead``: what its work prepares
    for the next chunk beside this one; whoever holds the job ends it.
    """

    number: int
    account_id: int
    user_id: int
    kind: Kind
    params: Mapping[str, Any]
    cursor: Mapping[str, Any]
    rows: int
    rows_failed: int
    result: Mapping[str, Any]
    failures: int
    epoch: int
    owner: int
    ahead: asyncio.Task[Any] | None = None

    @property
    def hold(self) -> tuple[int, int, int]:
        return (self.number, self.epoch, self.owner)


def read_held(row: Row, owner: int) -> HeldJob:
    return HeldJob(
        number=row["id"],
        account_id=row["account_id"],
        user_id=row["user_id"],
        kind=row["kind"],
        params=row["params"],
        cursor=row["job_cursor"],
        rows=row["rows"],
        rows_failed=row["rows_failed"],
        result=row["result"],
        failures=row["failures"],
        epoch=row["epoch"],
        owner=owner,
    )


@dataclass(slots=True)
class Chunk:
    """What one transaction of a job does. ``connection``: for its statements.

    The rest is for the work to set before the block ends: ``cursor`` for the next chunk, ``progress`` from 0 to 1,
    ``rows`` read in this chunk, ``faults`` of rows that it could not do, ``result`` to tell besides.
    """

    connection: Connection
    cursor: Mapping[str, Any]
    progress: float = 0.0
    rows: int = 0
    faults: Sequence[RowFault] = ()
    result: Mapping[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def chunk_of(database: Database, job: HeldJob) -> AsyncIterator[Chunk]:
    """Commits the chunk's rows and the job's new cursor together, or neither: so every row is applied once.

    Raises LeaseLost, DatabaseError; the job is then as it was.
    """
    async with database.transaction() as connection:
        if not await connection.fetch_value(STATEMENTS["fence_job"], *job.hold):
            raise LeaseLost(f"job {job.number}")
        chunk = Chunk(connection, job.cursor)
        yield chunk
        failed = len({fault.line for fault in chunk.faults})
        await connection.execute(
            STATEMENTS["move_job"],
            job.number,
            job.epoch,
            dict(chunk.cursor),
            chunk.progress,
            chunk.rows,
            failed,
            [{"line": fault.line, "message": fault.message} for fault in chunk.faults[:MOST_ERRORS]],
            dict(chunk.result),
            MOST_ERRORS,
            LEASE_SECONDS,
        )
        crash_points.reached("job.in_chunk")
    job.cursor = chunk.cursor
    job.rows += chunk.rows
    job.rows_failed += failed
    job.result = {**job.result, **chunk.result}
    job.failures = 0


async def in_chunk(database: Database, job: HeldJob, act: Callable[[Chunk], Awaitable[None]]) -> None:
    """As ``chunk_of``, for what may collide with others who add or change the same rows: then all of it is done anew.

    Raises UniqueViolation or Contended after TRIES times in a row.
    """
    for last in (*(False,) * (TRIES - 1), True):
        try:
            async with chunk_of(database, job) as chunk:
                await act(chunk)
        except (UniqueViolation, Contended):
            if last:
                raise
        else:
            return
