"""What a rate granted lasts a moment; while nothing of it was begun it can be had for a later one."""

from collections.abc import Callable

from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.statements import STATEMENTS
from shared.postgres.database import Database


async def is_in_pace(database: Database, batch: HeldBatch, monotonic: Callable[[], float]) -> bool:
    """Whether the batch may be begun: of one that waited too long for a worker or for a connection, the grant is moved.

    To be asked only while nothing of the grant was begun. Raises DatabaseError.
    """
    asked_at = monotonic()
    if batch.may_start(asked_at) or batch.halt != "pace":
        return batch.halt is None
    asked = (batch.hold.task_id, batch.allowed, batch.next_grant)
    next_grant = await database.fetch_value(STATEMENTS["grant_anew"], *asked)
    if next_grant is not None and batch.halt == "pace":
        batch.grant_anew(asked_at, next_grant)
    return batch.halt is None
