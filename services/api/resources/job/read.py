"""What is known of jobs, and of what they name."""

from collections.abc import Sequence
from pathlib import Path

from shared.domain.identifiers import Instant
from shared.domain.job_answer import JobFacts
from shared.domain.job_id import read_job_id
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def read_job(database: Database, account_id: int, job_id: str) -> tuple[str, JobFacts] | None:
    """With its kind; None: there is none of that name."""
    number = read_job_id(job_id)
    row = await database.fetch_row(QUERIES["read_job"], account_id, number, job_id) if number else None
    return (row["kind"], _facts(row)) if row else None


async def read_newest(
    database: Database, account_id: int, unseen: Sequence[str], before: int, limit: int
) -> list[tuple[int, JobFacts]]:
    """With their numbers, the newest first. ``unseen``: kinds to leave out; ``before``: the number of the page before's
    last one.
    """
    rows = await database.fetch(QUERIES["newest_jobs"], account_id, list(unseen), before, limit)
    return [(row["id"], _facts(row)) for row in rows]


async def unknown_lists(database: Database, account_id: int, names: Sequence[str]) -> list[str]:
    rows = await database.fetch(QUERIES["lists_known"], account_id, list(names)) if names else []
    known = {row["name"] for row in rows}
    return [name for name in dict.fromkeys(names) if name not in known]


async def unknown_campaigns(database: Database, account_id: int, ids: Sequence[int]) -> list[int]:
    rows = await database.fetch(QUERIES["campaigns_known"], account_id, list(ids)) if ids else []
    known = {row["id"] for row in rows}
    return [each for each in ids if each not in known]


def _facts(row: Row) -> JobFacts:
    return JobFacts(
        job_id=row["job_id"],
        name=row["name"],
        status=row["status"],
        started_at=_instant(row["started_at"]),
        ended_at=_instant(row["ended_at"]),
        reason=row["reason"],
        progress=row["progress"],
        rows=row["rows"],
        rows_failed=row["rows_failed"],
        errors=row["errors"],
        result=row["result"],
    )


def _instant(value: float | None) -> Instant | None:
    return None if value is None else Instant(value)
