"""A worker claims the job that has waited longest and works at it for a while, chunk by chunk, under its lease."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog

from services.dispatcher.jobs.conclude import conclude
from services.dispatcher.jobs.files.clear_files import FileClearer
from services.dispatcher.jobs.held_job import LEASE_SECONDS, RENEW_SECONDS, HeldJob, LeaseLost, read_held
from services.dispatcher.jobs.postbacks import Postbacks
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.work import Failed, JobTools, Later, Outcome, Work
from shared.domain.identifiers import job_stream
from shared.domain.job import Kind, StartJob
from shared.event_store.interface import Actor
from shared.event_store.read_models.job import JOBS
from shared.object_store.interface import ObjectStoreError
from shared.postgres.database import Contended, DatabaseError, Unavailable
from shared.runtime import crash_points
from shared.runtime.lifecycle import Wakeup, run_loop

log = structlog.get_logger(__name__)

WORKERS: Final = 2  #: in one process
TURN_SECONDS: Final = 5.0  #: after which a job makes way for others that wait
STOP_SECONDS: Final = 5.0  #: for the chunk under way when the process ends
CHUNK_SECONDS: Final = 1_800.0  #: of one chunk, longer than anything it waits for: one that hangs has failed
MOST_FAILURES: Final = 5  #: of one chunk, until the job is given up
FAILURE_SECONDS: Final = (1.0, 5.0, 15.0, 60.0)  #: between them
UNEXPECTED: Final = "something unexpected happened; it was logged"


class Jobs:
    """The workers of this process, who tells others of their ends, and who clears away what they wrote."""

    def __init__(self, tools: JobTools, work: Mapping[Kind, Work], postbacks: Postbacks, sweep_seconds: float) -> None:
        self._tools = tools
        self._postbacks = postbacks
        self._clearer = FileClearer(tools.database, tools.objects, tools.now, tools.export_seconds)
        self._work = work
        self._sweep_seconds = sweep_seconds
        self._wakeups = [Wakeup() for _ in range(WORKERS)]

    def ring(self) -> None:
        """A job or a postback may be due."""
        self._postbacks.ring()
        for wakeup in self._wakeups:
            wakeup.ring()

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; what is under way is given back."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._postbacks.run(stop))
                group.create_task(self._clearer.run(stop))
                for wakeup in self._wakeups:
                    step = Worker(self._tools, self._work, stop).step
                    group.create_task(run_loop("jobs", step, wakeup, stop, self._sweep_seconds, (Unavailable,)))
        finally:
            await self._tools.egress.close()
            await self._tools.objects.close()


class Worker:
    def __init__(
        self,
        tools: JobTools,
        work: Mapping[Kind, Work],
        stop: asyncio.Event,
        *,
        chunk_seconds: float = CHUNK_SECONDS,
    ) -> None:
        self._tools = tools
        self._work = work
        self._chunk_seconds = chunk_seconds
        self._kinds = list(work)
        self._stop = stop

    async def step(self) -> bool:
        """Whether there may be another. Raises DatabaseError."""
        tools = self._tools
        row = await tools.database.fetch_row(STATEMENTS["claim_job"], tools.owner, LEASE_SECONDS, self._kinds)
        if row is None:
            return False
        crash_points.reached("job.claimed")
        job = read_held(row, tools.owner)
        working, keeping = asyncio.create_task(self._take_turn(job)), asyncio.create_task(self._keep_lease(job))
        stopping = asyncio.create_task(self._stopped())
        try:
            await asyncio.wait({working, keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(working, keeping, stopping)
            if job.ahead is not None:
                await _end(job.ahead)
        if working.cancelled():
            await self._give_back(job)
        else:
            working.result()
        return True

    async def _take_turn(self, job: HeldJob) -> None:
        """Works until the job ends, or others have waited long enough for it to make way."""
        try:
            ended = await self._work_on(job)
        except LeaseLost:
            log.warning("job taken over", action="job_lease_lost", job=job.number)
        except Later as later:
            await self._give_back(job, later.seconds)
        except (Unavailable, Contended, ObjectStoreError) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            log.warning("job waits", action="job_waits", job=job.number, reason=reason)
            await self._give_back(job, FAILURE_SECONDS[0])
        except Exception:
            log.exception("job failed", action="job_failed", job=job.number, kind=job.kind)
            await self._rest_or_give_up(job)
        else:
            if not ended:
                await self._give_back(job)

    async def _work_on(self, job: HeldJob) -> bool:
        tools, began = self._tools, self._tools.monotonic()
        actor = Actor(job.account_id, job.user_id)
        await tools.handler.handle(JOBS, job_stream(job.number), StartJob(), actor)
        outcome: Outcome | None = None
        while outcome is None and not self._stop.is_set():
            async with asyncio.timeout(self._chunk_seconds):
                outcome = await self._work[job.kind](tools, job)
            if outcome is None and tools.monotonic() - began > TURN_SECONDS:
                if await tools.database.fetch_value(STATEMENTS["others_wait"], self._kinds):
                    return False
                began = tools.monotonic()
        if outcome is not None:
            await conclude(tools, job, outcome)
        return outcome is not None

    async def _rest_or_give_up(self, job: HeldJob) -> None:
        if job.failures + 1 >= MOST_FAILURES:
            await conclude(self._tools, job, Failed(UNEXPECTED))
        else:
            await self._give_back(job, FAILURE_SECONDS[min(job.failures, len(FAILURE_SECONDS) - 1)], failures=1)

    async def _give_back(self, job: HeldJob, seconds: float = 0.0, failures: int = 0) -> None:
        with suppress(DatabaseError):  # then the lease runs out
            await self._tools.database.execute(STATEMENTS["give_back_job"], *job.hold, seconds, failures)

    async def _keep_lease(self, job: HeldJob) -> None:
        """Returns when somebody else may have it."""
        kept_at = self._tools.monotonic()
        while self._tools.monotonic() - kept_at < LEASE_SECONDS:
            await asyncio.sleep(RENEW_SECONDS)
            asked_at = self._tools.monotonic()
            with suppress(DatabaseError):
                if not await self._tools.database.execute(STATEMENTS["renew_job"], *job.hold, LEASE_SECONDS):
                    return
                kept_at = asked_at

    async def _stopped(self) -> None:
        await self._stop.wait()
        await asyncio.sleep(STOP_SECONDS)


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
