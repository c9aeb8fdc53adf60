"""Charges a batch at hand-over: one transaction, in which nobody else changes the account's ledger."""

from pyroaring import BitMap

from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.load_task import TaskToSend
from services.dispatcher.sending.record_outcomes import OutcomeRecorder
from services.dispatcher.sending.statements import STATEMENTS
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.domain.ledger import NO_CREDIT
from shared.ledger.balances import lock_ledger
from shared.ledger.charges import charge_in
from shared.postgres.database import Database, Row
from shared.runtime import crash_points


async def charge_batch(
    database: Database,
    recorder: OutcomeRecorder,
    batch: HeldBatch,
    owner: int,
    task: TaskToSend,
    rows: list[Row],
    now: Instant,
) -> list[Row]:
    """Those who are paid for, now or at an earlier attempt; the others are recorded as uncharged.

    ``rows``: of ``recipients_of_batch``. Nobody is charged or answered when the batch is lost. Raises DatabaseError.
    """
    needs = {row["ordinal"]: task.composer.units(row) for row in rows}
    hold, uncovered = batch.hold, BitMap()
    async with database.transaction() as connection:
        locked = await lock_ledger(connection, task.account_id)
        if locked is None or not locked.state.terms.metered or not needs:
            return rows
        if not await connection.fetch_value(STATEMENTS["still_held"], hold.task_id, hold.batch, hold.epoch, owner):
            batch.halt = "lost"
            return []
        uncovered = await charge_in(locked, hold.task_id, hold.batch, needs, now)
        crash_points.reached("sender.charging")
    for ordinal in uncovered:
        # Who may have been sent to before, when nobody was charged for him, stays in doubt.
        kind = Kind.HELD if ordinal in batch.resent else Kind.UNCHARGED
        recorder.final_outcome((kind,), ordinal, int(now * 1000), NO_CREDIT)
    return [row for row in rows if row["ordinal"] not in uncovered]
