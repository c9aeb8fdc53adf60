"""One job: a piece of work that a caller asked for and that takes as long as it takes. Pure.

What it is to do and how far it is are rows, changed chunk by chunk; here is what callers are told of its life.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final, Literal, assert_never, get_args

from shared.domain.identifiers import AccountId, Instant
from shared.domain.refusal import Refused

Status = Literal["pending", "completed", "error"]

#: What a job can be.
Kind = Literal[
    "ad_inventory",
    "blast_query",
    "blast_save_list",
    "blast_snapshot",
    "export_list_data",
    "export_scheduled_sends",
    "import",
    "snapshot",
    "update",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class CreateJob:
    """``job_id``: see ``job_id.write_job_id``."""

    job_id: str
    account_id: AccountId
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class StartJob:
    """Somebody has begun to work on it; again, after a crash, it is no news."""


@dataclass(frozen=True, slots=True)
class CompleteJob:
    """``rows``: lines or people it read; ``rows_failed``: those of them that it could not do."""

    rows: int
    rows_failed: int


@dataclass(frozen=True, slots=True)
class FailJob:
    """``reason``: for the caller; it names no address."""

    reason: str


Command = CreateJob | StartJob | CompleteJob | FailJob


@dataclass(frozen=True, slots=True)
class JobCreated:
    job_id: str
    account_id: AccountId
    kind: Kind
    name: str
    at: Instant


@dataclass(frozen=True, slots=True)
class JobStarted:
    job_id: str
    at: Instant


@dataclass(frozen=True, slots=True)
class JobCompleted:
    job_id: str
    rows: int
    rows_failed: int
    at: Instant


@dataclass(frozen=True, slots=True)
class JobFailed:
    job_id: str
    reason: str
    at: Instant


Event = JobCreated | JobStarted | JobCompleted | JobFailed


@dataclass(frozen=True, slots=True)
class Job:
    job_id: str = ""
    account_id: AccountId = AccountId(0)
    kind: Kind = "import"
    name: str = ""
    status: Status = "pending"
    cdate: Instant = Instant(0.0)
    started_at: Instant | None = None
    ended_at: Instant | None = None
    reason: str | None = None


def decide(job: Job, command: Command, now: Instant) -> list[Event] | Refused:
    """A job ends once: whoever comes later changes nothing."""
    match command:
        case CreateJob(job_id, account_id, kind, name):
            return [] if job.job_id else [JobCreated(job_id, account_id, kind, name, now)]
        case _ if not job.job_id:
            return Refused.not_found("there is no such job")
        case _ if job.status != "pending":
            return []
        case StartJob():
            return [] if job.started_at is not None else [JobStarted(job.job_id, now)]
        case CompleteJob(rows, rows_failed):
            return [JobCompleted(job.job_id, rows, rows_failed, now)]
        case FailJob(reason):
            return [JobFailed(job.job_id, reason, now)]
        case _:
            assert_never(command)


def evolve(job: Job, event: Event) -> Job:
    match event:
        case JobCreated(job_id, account_id, kind, name, at):
            return Job(job_id, account_id, kind, name, cdate=at)
        case JobStarted(_, at):
            return replace(job, started_at=at)
        case JobCompleted(_, _, _, at):
            return replace(job, status="completed", ended_at=at)
        case JobFailed(_, reason, at):
            return replace(job, status="error", reason=reason, ended_at=at)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Job:
    return reduce(evolve, history, Job())
