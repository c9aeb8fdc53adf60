"""Gathers the outcomes of one batch and appends them to the delivery log, at least every 100 messages or 200 ms.

What could not be stored stays here and in the journal; nothing more is begun until it is.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from pyroaring import BitMap

from services.dispatcher.decisions.settle_batch import Settlement, Tally
from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.statements import STATEMENTS
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import HitColumns, Hits, Segment, by_kind
from shared.domain.delivery import Kind
from shared.event_store.interface import Write
from shared.ledger.charges import Refund, refunds_of
from shared.postgres.database import Unavailable

log = structlog.get_logger(__name__)

FLUSH_MESSAGES = 100
FLUSH_SECONDS = 0.2
STORE_RETRY_SECONDS = 0.5
SLOWEST_STORE_SECONDS = 1.0  #: whoever takes longer is as good as away: no further message is begun


class OutcomeRecorder:
    """One hold on one batch. ``kinds`` are recorded synchronously, as replies are read; storing goes on beside."""

    def __init__(self, delivery_log: DeliveryLog, batch: HeldBatch, owner: int, account_id: int) -> None:
        self._log = delivery_log
        self._account_id = account_id
        self._batch = batch
        self._owner = owner
        self._columns: dict[tuple[Kind, ...], HitColumns] = {}
        self._unstored: list[Segment] = []
        self._references: dict[int, str] = {}
        self._writes: list[Write] = []  #: to be stored with the segments
        self._refunds: list[Refund] = []  #: likewise
        self.refunding = True  #: whether anybody may have been charged
        self._part = 0
        self._pending = 0
        self._flushing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.final = BitMap()
        self.deferred = BitMap()
        self.doubtful = BitMap()

    def tally(self) -> Tally:
        return Tally(self._batch.ordinals, self.final, self.deferred, self.doubtful, self._batch.resent)

    def final_outcome(self, kinds: tuple[Kind, ...], ordinal: int, time_ms: int, note: str = "") -> None:
        self.final.add(ordinal)
        self._column(kinds).add_noted(ordinal, time_ms, note)
        self._count()

    def deferral(self, ordinal: int, time_ms: int, note: str) -> None:
        self.deferred.add(ordinal)
        self._column((Kind.DEFERRED,)).add_noted(ordinal, time_ms, note)
        self._count()

    def refer(self, ordinal: int, reference: str) -> None:
        """``reference``: what receipts will call this message, which was just accepted."""
        self._references[ordinal] = reference

    def doubt(self, ordinal: int) -> None:
        self.doubtful.add(ordinal)

    def add(self, columns: list[tuple[Kind, Hits]]) -> None:
        """What is known of many without an attempt: suppressed, cancelled, held, resent, failed."""
        self._take()
        self._store(by_kind(*self._identity(), columns))

    async def conclude(self, writes: Sequence[Write], give_up: asyncio.Event) -> bool:
        """Stores what is left together with ``writes``. False when Postgres stayed away until ``give_up``: the journal
        has it.
        """
        if self._flushing is not None:
            await self._flushing
        if self._timer is not None:
            self._timer.cancel()
        self._take()
        while True:
            try:
                await self._log.append(self._unstored, [*self._writes, *writes], self._refunds)
            except Unavailable as error:
                log.warning("outcomes not stored", action="outcomes_not_stored", reason=str(error)[:200])
                if give_up.is_set():
                    return False
                await asyncio.sleep(STORE_RETRY_SECONDS)
            else:
                self._unstored, self._writes, self._refunds = [], [], []
                return True

    def _column(self, kinds: tuple[Kind, ...]) -> HitColumns:
        """Of those of whom all these are to be recorded, and nothing else."""
        column = self._columns.get(kinds)
        if column is None:
            column = self._columns[kinds] = HitColumns()
        return column

    def _identity(self) -> tuple[int, int, int, int]:
        hold = self._batch.hold
        return hold.task_id, hold.batch, hold.epoch, self._part

    def _take(self) -> None:
        taken = [(kinds, column.take()) for kinds, column in self._columns.items() if len(column)]
        self._pending = 0
        self._store(by_kind(*self._identity(), [(kind, hits) for kinds, hits in taken for kind in kinds]))
        if self._references:
            self._writes.append(reference_rows(self._batch.hold.task_id, self._references))
            self._references = {}

    def _store(self, segments: list[Segment]) -> None:
        self._unstored += segments
        if self.refunding:
            self._refunds += refunds_of(self._account_id, segments, self._batch.resent)
        self._part += len(segments)

    def _count(self) -> None:
        self._pending += 1
        if self._pending >= FLUSH_MESSAGES:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._store_pending())

    async def _store_pending(self) -> None:
        try:
            while self._pending:
                self._take()
                await self._store_taken()
                if self._pending < FLUSH_MESSAGES:
                    break
        except Unavailable as error:
            self._stop_sending()
            log.warning("outcomes not stored", action="outcomes_not_stored", reason=str(error)[:200])
        finally:
            self._flushing = None
            if self._pending and self._timer is None and self._batch.halt != "recorder down":
                self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    async def _store_taken(self) -> None:
        storing, writing, refunding = list(self._unstored), list(self._writes), list(self._refunds)
        impatience = asyncio.get_running_loop().call_later(SLOWEST_STORE_SECONDS, self._stop_sending)
        try:
            await self._log.append(storing, writing, refunding)
        finally:
            impatience.cancel()
        del self._unstored[: len(storing)]
        del self._writes[: len(writing)]
        del self._refunds[: len(refunding)]

    def _stop_sending(self) -> None:
        self._batch.halt = self._batch.halt or "recorder down"


def reference_rows(task_id: int, references: Mapping[int, str]) -> Write:
    """``references``: the gateway's name of each message, by ordinal."""
    return Write(STATEMENTS["add_references"], (task_id, list(references), list(references.values())))


def settled_columns(
    settlement: Settlement, time_ms: int, doubt: str, ended: str | None = None
) -> list[tuple[Kind, Hits]]:
    """What settling a batch adds to the log; ``doubt``: why nobody knows whether the relay took it; ``ended``: why the
    task sends nothing more.
    """
    return [
        (kind, Hits.at_once(ordinals, time_ms, note))
        for kind, ordinals, note in (
            (Kind.RESENT, settlement.resend, doubt),
            (Kind.HELD, settlement.held, doubt),
            (Kind.CANCELLED, settlement.cancelled, ended or ""),
            (Kind.FAILED, settlement.failed, "retries exhausted"),
        )
        if ordinals
    ]


def conclusion(
    batch: HeldBatch, owner: int, settlement: Settlement, *, rest_pause: float | None, retry_pause: float
) -> Write:
    """The row: done or given back, and the batch of the next attempt. Pauses in seconds; None: it keeps its turn."""
    resent = batch.resent | settlement.resend
    remaining, retry = settlement.remaining, settlement.retry
    hold = batch.hold
    return Write(
        STATEMENTS["conclude_batch"],
        (
            hold.task_id,
            hold.batch,
            hold.epoch,
            owner,
            remaining.serialize() if remaining else None,
            len(remaining),
            (resent & remaining).serialize(),
            rest_pause,
            retry.serialize() if retry else None,
            len(retry),
            (resent & retry).serialize(),
            retry_pause,
        ),
    )
