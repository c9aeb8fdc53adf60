"""Keeps the leases of the batches this process holds, and tells them when to stop."""

from collections.abc import Callable

import structlog

from services.dispatcher.sending.held_batch import LEASE_SECONDS, HeldBatch
from services.dispatcher.sending.journal_records import Hold
from services.dispatcher.sending.statements import STATEMENTS
from shared.postgres.database import Database, DatabaseError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25  #: how often cancels, pauses and times that are over are looked for: all stop within a second
RENEW_SECONDS = 3.0


class LeaseKeeper:
    """All batches in hand. ``look`` is called every LOOK_SECONDS for as long as the process lives, also while replies
    are awaited.
    """

    def __init__(self, database: Database, owner: int, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._owner = owner
        self._monotonic = monotonic
        self._held: set[HeldBatch] = set()
        self._renewed_at = float("-inf")

    @property
    def count(self) -> int:
        return len(self._held)

    def count_blocked(self) -> int:
        """Those of tasks of which nothing got through when they were claimed."""
        return sum(batch.blocked for batch in self._held)

    def holds_unpaced(self) -> bool:
        """One of a task without a rate, of which something gets through."""
        return any(batch.pace_until is None and not batch.blocked for batch in self._held)

    def hold(self, batch: HeldBatch) -> None:
        self._held.add(batch)

    def release(self, batch: HeldBatch) -> None:
        self._held.discard(batch)

    def halt_all(self) -> None:
        """The process is stopping: messages past their dot may end, none begins."""
        for batch in self._held:
            batch.halt = batch.halt or "stopping"

    def lose_all(self) -> None:
        """The store has another history, in which all of it may be somebody else's."""
        for batch in self._held:
            batch.halt = "lost"

    async def look(self) -> bool:
        if not self._held:
            return False
        try:
            if self._monotonic() - self._renewed_at >= RENEW_SECONDS:
                await self._renew()
            await self._find_stopped()
        except DatabaseError as error:
            log.warning("leases not kept", action="leases_not_kept", reason=str(error)[:200])
        return False

    async def _renew(self) -> None:
        asked_at = self._monotonic()
        # By hold, not by batch: one that this process lost and claimed anew is there twice.
        held = {batch.hold: batch for batch in self._held}
        rows = await self._database.fetch(
            STATEMENTS["renew_leases"],
            self._owner,
            [hold.task_id for hold in held],
            [hold.batch for hold in held],
            [hold.epoch for hold in held],
            LEASE_SECONDS,
        )
        for row in rows:
            held.pop(Hold(row["task_id"], row["number"], row["epoch"])).lease_until = asked_at + LEASE_SECONDS
        for batch in held.values():
            if batch in self._held:
                batch.halt = batch.halt or "lost"
        self._renewed_at = asked_at

    async def _find_stopped(self) -> None:
        tasks = list({batch.hold.task_id for batch in self._held})
        rows = await self._database.fetch(STATEMENTS["stopped_of"], tasks)
        stopped = {row["id"]: row["halt"] for row in rows}
        for batch in self._held:
            # Of one that was lost somebody else says what became of it.
            if batch.halt != "lost":
                batch.halt = stopped.get(batch.hold.task_id, batch.halt)
