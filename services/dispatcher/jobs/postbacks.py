"""Posts to the URLs that were named what became of their jobs: the same bytes until they are taken, for a day."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from services.dispatcher.decisions.settle_postback import settle_postback
from services.dispatcher.jobs.statements import STATEMENTS
from shared.domain.postback_body import FORM
from shared.domain.retry_schedule import RetrySchedule
from shared.egress.client import EgressClient, NotReached
from shared.postgres.database import Database, Row, Unavailable
from shared.runtime import crash_points
from shared.runtime.lifecycle import Wakeup, run_loop
from shared.sealing import CannotOpen, open_sealed, postback_context

log = structlog.get_logger(__name__)

AT_ONCE: Final = 8  #: of different accounts, so that one that does not answer holds up no other
ANSWER_SECONDS: Final = 10.0
LEASE_SECONDS: Final = 30.0  #: longer than an answer may take
RUNG_SECONDS: Final = 60.0  #: how long all but the first sleep: he rings when there is something to do


@dataclass(frozen=True, slots=True)
class PostbackTools:
    database: Database
    egress: EgressClient
    secret: tuple[bytes, ...]
    schedule: RetrySchedule
    owner: int
    jitter: Callable[[], float]


class Postbacks:
    def __init__(self, tools: PostbackTools, sweep_seconds: float) -> None:
        self._tools = tools
        self._sweep_seconds = sweep_seconds
        self._wakeups = [Wakeup() for _ in range(AT_ONCE)]

    def ring(self) -> None:
        for wakeup in self._wakeups:
            wakeup.ring()

    async def run(self, stop: asyncio.Event) -> None:
        pauses = [self._sweep_seconds, *[RUNG_SECONDS] * (AT_ONCE - 1)]
        async with asyncio.TaskGroup() as group:
            for wakeup, seconds in zip(self._wakeups, pauses, strict=True):
                group.create_task(run_loop("postbacks", self._step, wakeup, stop, seconds, (Unavailable,)))

    async def _step(self) -> bool:
        """Whether there may be more. Raises DatabaseError."""
        tools = self._tools
        row = await tools.database.fetch_row(STATEMENTS["claim_postback"], tools.owner, LEASE_SECONDS)
        if row is None:
            return False
        self.ring()
        reason = await self._post(row)
        crash_points.reached("postback.answered")
        pause = tools.schedule.next_pause(row["attempt"], tools.jitter())
        settled = settle_postback(reason, row["age"], pause)
        outcome = (settled.state, reason or "", settled.pause)
        await tools.database.execute(STATEMENTS["conclude_postback"], row["job_id"], row["epoch"], *outcome)
        log.info(
            "postback attempted", action="postback_attempted", job=row["job_id"], state=settled.state, reason=reason
        )
        return True

    async def _post(self, row: Row) -> str | None:
        """None: it was taken. Else why it was not."""
        tools = self._tools
        try:
            body = open_sealed(tools.secret, postback_context(row["job_id"]), row["body"])
            answer = await tools.egress.post(
                row["url"], body, {"Content-Type": FORM}, seconds=ANSWER_SECONDS, most_bytes=1
            )
        except CannotOpen:
            return "its body cannot be opened"
        except NotReached as error:
            return str(error)
        return None if 200 <= answer.status < 300 else f"it answered {answer.status}"
