"""The job's row. What it is to do and how far it is stands in ``job_work`` (services/dispatcher/jobs)."""

from shared.domain import job
from shared.domain.job import Job
from shared.domain.job_id import read_job_id
from shared.event_store.handle_command import Aggregate
from shared.event_store.interface import Write
from shared.event_store.read_models.statements import STATEMENTS


def rows(state: Job, version: int) -> tuple[Write, ...]:
    return (
        Write(
            STATEMENTS["write_job"],
            (
                read_job_id(state.job_id),
                state.account_id,
                state.job_id,
                state.kind,
                state.name,
                version,
                state.status,
                state.reason,
                state.cdate,
                state.started_at,
                state.ended_at,
            ),
        ),
    )


JOBS: Aggregate[Job, job.Command, job.Event] = Aggregate(job.replay, job.decide, job.evolve, rows)
