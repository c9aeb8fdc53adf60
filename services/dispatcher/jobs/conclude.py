"""Ends a job: its last event, what is told of it from then on, and whom it is told to, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.tell_end import rows_that_tell
from services.dispatcher.jobs.work import Completed, JobTools, Outcome
from shared.domain.identifiers import job_stream
from shared.domain.job import CompleteJob, FailJob, Job
from shared.domain.job_answer import JobFacts
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.job import JOBS
from shared.postgres.database import Row
from shared.runtime import crash_points

log = structlog.get_logger(__name__)


async def conclude(tools: JobTools, job: HeldJob, outcome: Outcome) -> None:
    """Once, whoever else tries. Raises DatabaseError: then it has not ended."""
    [row] = await tools.database.fetch(STATEMENTS["job_to_end"], job.number)
    command: CompleteJob | FailJob
    if isinstance(outcome, Completed):
        command, result = CompleteJob(row["rows"], row["rows_failed"]), dict(outcome.result)
    else:
        command, result = FailJob(outcome.reason), {}
    crash_points.reached("job.ending")
    ending = _Ending(tools, job, row, result)
    actor = Actor(job.account_id, job.user_id)
    await tools.handler.handle(JOBS, job_stream(job.number), command, actor, also=ending.writes)
    for topic in ("notices_due", "job_due"):
        tools.hint(topic)
    log.info("job ended", action="job_ended", job=job.number, kind=job.kind, outcome=type(outcome).__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    tools: JobTools
    job: HeldJob
    row: Row
    result: dict[str, Any]

    def writes(self, state: Job) -> Sequence[Write]:
        number, facts = self.job.number, self._facts(state)
        return [
            Write(STATEMENTS["end_job"], (number, facts.result)),
            Write(STATEMENTS["drop_input"], (number,)),
            Write(STATEMENTS["forget_erased"], (self.job.account_id, number)),
            *rows_that_tell(self.tools, self.job, facts, self.row),
        ]

    def _facts(self, state: Job) -> JobFacts:
        return JobFacts(
            job_id=state.job_id,
            name=state.name,
            status=state.status,
            started_at=state.started_at,
            ended_at=state.ended_at,
            reason=state.reason,
            progress=self.row["progress"],
            rows=self.row["rows"],
            rows_failed=self.row["rows_failed"],
            errors=self.row["errors"],
            result={**self.row["result"], **self.result},
        )
