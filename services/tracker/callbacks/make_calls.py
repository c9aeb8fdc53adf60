"""Makes the calls of one campaign: one at a time, in their order, until none waits or one fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from pyroaring import BitMap

from services.tracker.callbacks.statements import STATEMENTS
from services.tracker.decisions.callbacks.judge_answer import is_taken, judge_failure
from services.tracker.decisions.callbacks.write_call import sign, write_body
from services.tracker.metrics import Metrics
from shared.domain.callback import call_id
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.domain.retry_schedule import RetrySchedule
from shared.egress.client import EgressClient, NotReached
from shared.postgres.database import Database
from shared.sealing import open_sealed

log = structlog.get_logger(__name__)

ATTEMPT_SECONDS: Final = 20.0
LEASE_SECONDS: Final = ATTEMPT_SECONDS + 10.0
MOST_CALLS: Final = 100  #: in a row, before other campaigns have their turn


@dataclass(frozen=True, slots=True)
class Line:
    """A campaign whose calls are ours to make while ``epoch`` is its own."""

    campaign_id: int
    epoch: int
    wishes: int


@dataclass(frozen=True, slots=True)
class _Answered:
    status: int | None
    said: str  #: why not, where it was not taken
    retry_after: str = ""


class Caller:
    def __init__(
        self,
        database: Database,
        egress: EgressClient,
        secrets: Sequence[bytes],
        schedule: RetrySchedule,
        now: Callable[[], Instant],
        jitter: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._egress = egress
        self._secrets = secrets
        self._schedule = schedule
        self._now = now
        self._jitter = jitter
        self._metrics = metrics

    async def serve(self, line: Line) -> None:
        """Raises DatabaseError: then the lease runs out by itself, and whatever was not recorded is said once more."""
        wishes = line.wishes
        for _ in range(MOST_CALLS):
            row = await self._database.fetch_row(STATEMENTS["next_call"], line.campaign_id, line.epoch, LEASE_SECONDS)
            if row is None:
                return
            if row["number"] is None:
                if await self._database.execute(STATEMENTS["rest_line"], line.campaign_id, line.epoch, wishes):
                    break
            elif not await self._make(line, row):
                return
            wishes = row["wishes"]
        await self._database.execute(STATEMENTS["release_line"], line.campaign_id, line.epoch)

    async def _make(self, line: Line, row: Any) -> bool:
        """Whether the next one may be made."""
        ordinals = list(BitMap.deserialize(row["ordinals"]))
        addresses = await self._database.fetch_value(STATEMENTS["addresses_called"], row["task_id"], ordinals)
        if addresses is None:
            await self._settle(line, row, None, 0, "empty")
            return True
        body = write_body(Kind(row["kind"]), row["first_ms"], row["channel"], addresses.split("\n"))
        answered = await self._post(line, row, body)
        if is_taken(answered.status):
            self._metrics.callback_attempts.labels("delivered").inc()
            await self._settle(line, row, answered.status, 1, "delivered")
            return True
        await self._note_failure(line, row, answered)
        return False

    async def _post(self, line: Line, row: Any, body: bytes) -> _Answered:
        secret = open_sealed(self._secrets, f"account-{row['account_id']} webhook_secret", row["webhook_secret"])
        headers = sign(secret.decode(), call_id(line.campaign_id, row["number"]), int(self._now()), body)
        try:
            answer = await self._egress.post(row["event_callback"], body, headers, seconds=ATTEMPT_SECONDS)
        except NotReached as reason:
            return _Answered(None, str(reason))
        return _Answered(answer.status, f"answered {answer.status}", answer.headers.get("retry-after", ""))

    async def _settle(self, line: Line, row: Any, status: int | None, attempts: int, state: str) -> None:
        await self._database.execute(
            STATEMENTS["settle_call"],
            line.campaign_id,
            line.epoch,
            row["task_id"],
            row["number"],
            status,
            attempts,
            state,
        )

    async def _note_failure(self, line: Line, row: Any, answered: _Answered) -> None:
        failure = judge_failure(
            answered.status, answered.said, answered.retry_after, row["failures"], self._schedule, self._jitter()
        )
        self._metrics.callback_attempts.labels("failed" if failure.line == "open" else failure.line).inc()
        log.info(
            "callback failed",
            action="callback_failed",
            campaign_id=line.campaign_id,
            failures=failure.failures,
            reason=failure.said,
            line=failure.line,
        )
        await self._database.execute(
            STATEMENTS["note_failure"],
            line.campaign_id,
            line.epoch,
            row["task_id"],
            row["number"],
            answered.status,
            failure.said,
            row["event_callback"],
            failure.failures,
            failure.pause_seconds,
            failure.line,
        )
