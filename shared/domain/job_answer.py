"""What a caller is told of a job: by GET, and by the postback when it has ended. Pure.

Never a key ``error``: existing clients take an answer that has one for a refusal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from shared.domain.identifiers import Instant
from shared.domain.job import Status

MOST_ERRORS: Final = 100  #: of rows, kept and told

#: In a result: until when its file is there (unix seconds). Told as ``expired``, and ``export_url`` goes with it.
EXPIRES: Final = "_expires"
EXPORT_URL: Final = "export_url"


@dataclass(frozen=True, slots=True)
class JobFacts:
    """``progress``: 0 to 1. ``errors``: ``{line, message}``, the first MOST_ERRORS. ``result``: what its type tells."""

    job_id: str
    name: str
    status: Status
    started_at: Instant | None
    ended_at: Instant | None
    reason: str | None
    progress: float
    rows: int
    rows_failed: int
    errors: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any]


def answer_of(job: JobFacts, now: Instant) -> dict[str, Any]:
    """``progress``: whole percent, 100 when it is completed."""
    answer: dict[str, Any] = {"job_id": job.job_id, "status": job.status, "name": job.name}
    if job.started_at is not None:
        answer["start_time"] = rfc2822(job.started_at)
    if job.ended_at is not None:
        answer["end_time"] = rfc2822(job.ended_at)
    answer["progress"] = 100 if job.status == "completed" else min(99, int(100 * job.progress))
    answer |= {"rows": job.rows, "rows_failed": job.rows_failed, "errors": [dict(each) for each in job.errors]}
    if job.reason is not None:
        answer["errormsg"] = job.reason
    return answer | _told(job.result, now)


def _told(result: Mapping[str, Any], now: Instant) -> dict[str, Any]:
    told = {name: value for name, value in result.items() if name != EXPIRES}
    if EXPIRES in result and now >= result[EXPIRES]:
        told.pop(EXPORT_URL, None)
        told["expired"] = True
    return told


def rfc2822(moment: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(moment), UTC))
