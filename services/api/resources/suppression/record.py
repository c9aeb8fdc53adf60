"""Carries out posted suppressions in one transaction: rows, what they stand for, and one event with their ids."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from services.api.idempotency import Remember
from services.api.lines import Faults
from services.api.operation import Answer
from services.api.resources.suppression.read import QUERIES
from services.api.resources.suppression.schema import PostedSuppression
from shared.domain.identifiers import Instant
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import Actor, Append
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection, Contended, Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import find_in
from shared.suppression.record import NewSuppression, Suppressed, suppress_in

TRIES: Final = 6  #: how often something is carried out anew that got in the way of another transaction

Result = TypeVar("Result")

Lines = Sequence[tuple[int, PostedSuppression]]


@dataclass(frozen=True, slots=True)
class Batch:
    """``lines``: the valid ones by number. ``change`` names the event's stream and is unique to this batch."""

    actor: Actor
    hashes: AddressHashes
    lines: Lines
    change: str
    now: Instant


@dataclass(frozen=True, slots=True)
class Outcome:
    new: Sequence[Suppressed]
    faults: Faults  #: lines about a list that there is not; of them nothing was recorded


#: What to answer, once it is recorded.
Finish = Callable[[Connection, Outcome], Awaitable[Answer | Refused]]


async def record(database: Database, batch: Batch, finish: Finish, remember: Remember) -> Answer | Refused:
    """Raises UniqueViolation of a repeated request, Contended after TRIES losses in a row."""

    async def attempt(connection: Connection) -> Answer | Refused:
        faults = await _unknown_lists(connection, batch)
        faulty = {number for number, _ in faults}
        wanted = [wanted_of(batch.actor, line) for number, line in batch.lines if number not in faulty]
        user_id = batch.actor.user_id
        new = await suppress_in(connection, batch.hashes, wanted, batch.now, batch.change, user_id)
        await _carry_out_wishes(connection, new, batch.now)
        answer = await finish(connection, Outcome(new, faults))
        if not isinstance(answer, Refused):
            await append_in(connection, [Append((), remember(answer))])
        return answer

    return await in_spite_of_others(database, attempt)


async def in_spite_of_others(database: Database, attempt: Callable[[Connection], Awaitable[Result]]) -> Result:
    """In a transaction, and in another one where it gets in the way of somebody else's. Raises Contended."""
    tries = TRIES
    while True:
        try:
            async with database.transaction() as connection:
                return await attempt(connection)
        except Contended:
            tries -= 1
            if not tries:
                raise


def wanted_of(actor: Actor, line: PostedSuppression) -> NewSuppression:
    return NewSuppression(
        account_id=actor.account_id,
        channel=line.channel,
        address=line.address,
        reason=line.reason,
        source=line.source,
        list_id=line.list_id,
        detail=line.detail,
    )


async def id_of(connection: Connection, hashes: AddressHashes, wanted: NewSuppression) -> int:
    """Of the row that says this. Raises Contended when it was lifted at this moment."""
    found = await find_in(connection, hashes, wanted.account_id, [(wanted.channel, wanted.address)])
    for each in found:
        if (each.reason, each.list_id) == (wanted.reason, wanted.list_id):
            return each.id
    raise Contended("lifted by somebody else while it was recorded")


async def _unknown_lists(connection: Connection, batch: Batch) -> Faults:
    asked = {line.list_id for _, line in batch.lines if line.list_id is not None}
    rows = await connection.fetch(QUERIES["lists_of_account"], batch.actor.account_id, list(asked)) if asked else []
    unknown = asked - {row["id"] for row in rows}
    return [
        (number, Fault("list_id", f"there is no list {line.list_id}"))
        for number, line in batch.lines
        if line.list_id in unknown
    ]


async def _carry_out_wishes(connection: Connection, new: Sequence[Suppressed], now: Instant) -> None:
    """Whoever is said to have unsubscribed is so, and whoever is said to have opted out."""
    of = {
        reason: [each for each in new if each.what.reason == reason and each.subscriber_id is not None]
        for reason in ("unsubscribed", "opted_out")
    }
    if ended := of["unsubscribed"]:
        lists, subscribers = [each.what.list_id for each in ended], [each.subscriber_id for each in ended]
        await connection.execute(QUERIES["end_subscriptions"], lists, subscribers, now)
    if opted_out := of["opted_out"]:
        await connection.execute(QUERIES["opt_out"], [each.subscriber_id for each in opted_out])
