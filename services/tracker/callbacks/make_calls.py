"""Makes the calls of one campaign: one at a time, in their order, until none waits or one fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

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
from shared.postgres.database import Database, Row
from shared.runtime import crash_points, tracing
from shared.sealing import open_sealed

log = structlog.get_logger(__name__)

ATTEMPT_SECONDS: Final = 20.0
LEASE_SECONDS: Final = ATTEMPT_SECONDS + 10.0
AT_ONCE: Final = 4  #: calls that are read at once; they are made one after the other
MOST_LOOKS: Final = 25  #: for more, before other campaigns have their turn
FRESH_SECONDS: Final = 2.0  #: so long what was read is good enough to begin a call with

_AS_ARRAY: Final = str.maketrans("[]", "{}")  #: how Python writes a list, to how Postgres does


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
        for _ in range(MOST_LOOKS):
            rows = await self._database.fetch(
                STATEMENTS["next_calls"], line.campaign_id, line.epoch, LEASE_SECONDS, AT_ONCE
            )
            if not rows:
                break
            if rows[0]["number"] is None:
                if await self._database.execute(STATEMENTS["rest_line"], line.campaign_id, line.epoch, wishes):
                    break
            elif not await self._make_all(line, rows):
                return
            wishes = rows[0]["wishes"]
        await self._database.execute(STATEMENTS["release_line"], line.campaign_id, line.epoch)

    async def _make_all(self, line: Line, rows: Sequence[Row]) -> bool:
        """One after the other. Whether more may be made."""
        looked = self._now()
        addresses = await self._addresses(rows)
        for place, row in enumerate(rows):
            if self._now() - looked > FRESH_SECONDS:
                return True  # what was read is old: the URL may be another one, somebody may be erased
            with tracing.joined(row["correlation"]), tracing.span("callback", campaign_id=line.campaign_id):
                # Whatever failed before was the first of them: once it is taken the next one has not failed yet.
                failures = 0 if place else row["failures"]
                if not await self._make(line, row, addresses[row["number"]], failures):
                    return False
        return True

    async def _addresses(self, rows: Sequence[Row]) -> dict[int, str | None]:
        """Lines of addresses by number; None: there is nobody left."""
        found = await self._database.fetch(
            STATEMENTS["addresses_called"],
            [row["number"] for row in rows],
            [row["task_id"] for row in rows],
            [str(list(BitMap.deserialize(row["ordinals"]))).translate(_AS_ARRAY) for row in rows],
        )
        return {row["number"]: row["addresses"] for row in found}

    async def _make(self, line: Line, row: Row, addresses: str | None, failures: int) -> bool:
        """Whether the next one may be made. ``failures``: how often this one has failed."""
        if addresses is None:
            return await self._settle(line, row, None, 0, "empty")
        body = write_body(Kind(row["kind"]), row["first_ms"], row["channel"], addresses.split("\n"))
        crash_points.reached("callback.due")
        answered = await self._post(line, row, body)
        crash_points.reached("callback.answered")
        if is_taken(answered.status):
            self._metrics.callback_attempts.labels("delivered").inc()
            told = {"campaign_id": line.campaign_id, "task_id": row["task_id"], "number": row["number"]}
            log.info("callback delivered", action="callback_delivered", **told)
            return await self._settle(line, row, answered.status, 1, "delivered")
        await self._note_failure(line, row, answered, failures)
        return False

    async def _post(self, line: Line, row: Row, body: bytes) -> _Answered:
        secret = open_sealed(self._secrets, f"account-{row['account_id']} webhook_secret", row["webhook_secret"])
        headers = sign(secret.decode(), call_id(line.campaign_id, row["number"]), int(self._now()), body)
        try:
            answer = await self._egress.post(row["event_callback"], body, headers, seconds=ATTEMPT_SECONDS)
        except NotReached as reason:
            return _Answered(None, str(reason))
        return _Answered(answer.status, f"answered {answer.status}", answer.headers.get("retry-after", ""))

    async def _settle(self, line: Line, row: Row, status: int | None, attempts: int, state: str) -> bool:
        """Whether the line is still ours."""
        settled = await self._database.execute(
            STATEMENTS["settle_call"],
            line.campaign_id,
            line.epoch,
            row["task_id"],
            row["number"],
            status,
            attempts,
            state,
            LEASE_SECONDS,
        )
        crash_points.reached("callback.settled")
        return settled > 0

    async def _note_failure(self, line: Line, row: Row, answered: _Answered, failures: int) -> None:
        failure = judge_failure(
            answered.status, answered.said, answered.retry_after, failures, self._schedule, self._jitter()
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
