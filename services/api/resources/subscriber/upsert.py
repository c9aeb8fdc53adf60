"""Carries out a batch of posted subscribers in one transaction: gather, plan, apply, and one event with their ids."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.api.idempotency import CONSTRAINT, Remember
from services.api.operation import Answer
from services.api.resources.subscriber.plan_upsert import (
    Key,
    Person,
    Plan,
    Suppressions,
    Wish,
    address_key,
    plan_upsert,
)
from services.api.resources.subscriber.read import QUERIES
from shared.domain.identifiers import Channel, Instant, ListId, subscribers_stream
from shared.domain.recipient_list import SubscribersChanged
from shared.domain.refusal import Refused
from shared.domain.suppression import WISHES
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection, Contended, Database, UniqueViolation
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import Found, find_in, link_in, share_addresses_in

TRIES: Final = 6  #: how often a batch is planned anew when somebody else added one of its addresses meanwhile

#: What to answer, once the plan is carried out.
Finish = Callable[[Connection, Plan], Awaitable[Answer | Refused]]


@dataclass(frozen=True, slots=True)
class Batch:
    """``change`` names the event's stream and is unique to this batch. ``fresh_ids``: at least one a wish."""

    actor: Actor
    hashes: AddressHashes
    list_id: int
    wishes: Sequence[Wish]
    fresh_ids: Sequence[int]
    change: str
    now: Instant


async def upsert(database: Database, batch: Batch, finish: Finish, remember: Remember) -> Answer | Refused:
    """Raises UniqueViolation: of a repeated request, or of addresses fought over TRIES times in a row."""
    tries = TRIES
    while True:
        try:
            async with database.transaction() as connection:
                return await _attempt(connection, batch, finish, remember)
        except (UniqueViolation, Contended) as error:
            tries -= 1
            repeated = isinstance(error, UniqueViolation) and error.constraint == CONSTRAINT
            if repeated or not tries:
                raise


async def _attempt(connection: Connection, batch: Batch, finish: Finish, remember: Remember) -> Answer | Refused:
    await share_addresses_in(connection, batch.actor.account_id)
    if await connection.fetch_row(QUERIES["hold_list"], batch.actor.account_id, batch.list_id) is None:
        return Refused.not_found(f"there is no list {batch.list_id}")
    known = await _named(connection, batch)
    suppressed = await _suppressed(connection, batch)
    plan = plan_upsert(batch.wishes, known, batch.fresh_ids, _suppressions(suppressed, batch.list_id))
    if plan.changed:
        await connection.execute(QUERIES["change_subscribers"], *_columns(plan.changed.values()))
    if plan.new:
        account_id = batch.actor.account_id
        await connection.execute(QUERIES["add_subscribers"], *_columns(plan.new), account_id, batch.now)
    people = [*plan.changed.values(), *plan.new]
    await _subscribe(connection, batch, people)
    await link_in(connection, _owned(suppressed, people))
    answer = await finish(connection, plan)
    if not isinstance(answer, Refused):
        await append_in(connection, [Append(_event(batch, plan), remember(answer))])
    return answer


async def _named(connection: Connection, batch: Batch) -> list[Person]:
    wishes = batch.wishes
    rows = await connection.fetch(
        QUERIES["named_subscribers"],
        batch.actor.account_id,
        batch.list_id,
        [wish.email.lower() for wish in wishes if wish.email],
        [wish.telephone for wish in wishes if wish.telephone],
        [wish.external_id for wish in wishes if wish.external_id],
    )
    return [Person(row["id"], row["email"], row["telephone"], row["external_id"], row["held"]) for row in rows]


async def _suppressed(connection: Connection, batch: Batch) -> list[Found]:
    emails: list[tuple[Channel, str]] = [("email", wish.email) for wish in batch.wishes if wish.email]
    telephones: list[tuple[Channel, str]] = [("sms", wish.telephone) for wish in batch.wishes if wish.telephone]
    return await find_in(connection, batch.hashes, batch.actor.account_id, [*emails, *telephones])


def _suppressions(suppressed: Iterable[Found], list_id: int) -> Suppressions:
    """Those that concern this list."""
    concerning = [found for found in suppressed if found.list_id in (None, list_id)]
    return Suppressions(
        frozenset(_key(found) for found in concerning if found.reason in WISHES),
        frozenset(_key(found) for found in concerning),
    )


def _owned(suppressed: Iterable[Found], people: Iterable[Person]) -> list[tuple[int, int, str]]:
    """What is to be tied to somebody who has its address now, as ``link_in`` takes it."""
    owners: dict[Key, tuple[int, str]] = {}
    for person in people:
        for field, address in (("email", person.email), ("telephone", person.telephone)):
            if address:
                owners[address_key(field, address)] = (person.id, address)
    owned = {found.id: (*owners[_key(found)], found.subscriber_id) for found in suppressed if _key(found) in owners}
    return [(row_id, owner, address) for row_id, (owner, address, former) in owned.items() if owner != former]


def _key(found: Found) -> Key:
    return address_key("email" if found.channel == "email" else "telephone", found.address)


def _columns(people: Iterable[Person]) -> tuple[list[object], ...]:
    rows = [(person.id, person.email, person.telephone, person.external_id, person.vars) for person in people]
    return tuple(list(column) for column in zip(*rows, strict=True))


async def _subscribe(connection: Connection, batch: Batch, people: Sequence[Person]) -> None:
    if people:
        rows = [(person.id, person.confirmed, person.source, person.consent) for person in people]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await connection.execute(QUERIES["subscribe"], batch.list_id, *columns, batch.now)


def _event(batch: Batch, plan: Plan) -> tuple[StreamAppend, ...]:
    if not plan.new and not plan.changed:
        return ()
    event = SubscribersChanged(
        list_id=ListId(batch.list_id),
        created=tuple(person.id for person in plan.new),
        updated=tuple(plan.changed),
        unsubscribed=(),
        at=batch.now,
    )
    return (StreamAppend(subscribers_stream(batch.change), 0, [event], batch.actor),)
