"""Stores receipts: those that come together share a look-up, segments and a commit."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import structlog

from services.dispatcher.decisions.read_receipt import Receipt
from services.dispatcher.receipts.statements import STATEMENTS
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.domain.identifiers import Instant
from shared.domain.sms_receipt import kind_of, note_of
from shared.postgres.database import Database, DatabaseError
from shared.postgres.group_commit import GroupCommit

log = structlog.get_logger(__name__)

KEEP_DAYS: Final = 10
FORGET_ROWS: Final = 5_000
PATIENCE_SECONDS: Final = 10.0  #: a receipt may be here before its message's outcome is committed
LOOK_SECONDS: Final = 0.5
STORE_SECONDS: Final = 20.0


class ReceiptRecorder:
    """``batch``: a negative number that nobody else has; with a part that counts up it identifies our segments."""

    def __init__(self, database: Database, delivery_log: DeliveryLog, batch: int, now: Callable[[], Instant]) -> None:
        self._database = database
        self._log = delivery_log
        self._batch = batch
        self._now = now
        self._part = 0
        self._finding: GroupCommit[tuple[Receipt, dict[str, tuple[int, int]]]] = GroupCommit(self._find)
        self._storing: GroupCommit[tuple[Receipt, tuple[int, int]]] = GroupCommit(self._store)

    async def record(self, receipt: Receipt) -> bool:
        """Returns once it is committed; False: it cannot be now. One whose message nobody knows changes nothing."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                found = await self._find_patiently(receipt)
                if found is not None and kind_of(receipt.status) is not None:
                    await self._storing.submit((receipt, found))
        except (TimeoutError, DatabaseError) as error:
            log.warning("receipt not stored", action="receipt_not_stored", reason=type(error).__name__)
            return False
        return True

    async def forget(self) -> bool:
        """Deletes a chunk of what is too old. True when there may be more."""
        return await self._database.execute(STATEMENTS["forget_references"], KEEP_DAYS, FORGET_ROWS) == FORGET_ROWS

    async def _find_patiently(self, receipt: Receipt) -> tuple[int, int] | None:
        """(task, ordinal)."""
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            found: dict[str, tuple[int, int]] = {}
            await self._finding.submit((receipt, found))
            if found:
                return found[receipt.reference]
            await asyncio.sleep(LOOK_SECONDS)
        log.warning("receipt for a message that is not known", action="receipt_unknown")
        return None

    async def _find(self, asked: Sequence[tuple[Receipt, dict[str, tuple[int, int]]]]) -> None:
        names = list({receipt.reference for receipt, _ in asked})
        rows = await self._database.fetch(STATEMENTS["find_references"], names)
        known = {row["reference"]: (row["task_id"], row["ordinal"]) for row in rows}
        for receipt, found in asked:
            if receipt.reference in known:
                found[receipt.reference] = known[receipt.reference]

    async def _store(self, receipts: Sequence[tuple[Receipt, tuple[int, int]]]) -> None:
        segments = gather_hits(_hits(receipts, int(self._now() * 1000)), self._batch, self._part)
        self._part += len(segments)
        await self._log.append(segments)


def _hits(receipts: Iterable[tuple[Receipt, tuple[int, int]]], time_ms: int) -> Iterator[Hit]:
    for receipt, (task_id, ordinal) in receipts:
        kind = kind_of(receipt.status)
        if kind is not None:
            yield Hit(task_id, kind, ordinal, time_ms, note=note_of(receipt.status, receipt.reason))
