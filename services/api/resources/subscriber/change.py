"""Carries out a change of one person in one transaction: gather, plan, apply, and events that say who did it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.api.operation import Answer
from services.api.resources.subscriber.plan_change import Changed, Standing, plan_change
from services.api.resources.subscriber.read import QUERIES
from services.api.resources.suppression.record import in_spite_of_others
from shared.domain.identifiers import Channel, Instant, ListId, subscribers_stream
from shared.domain.recipient_list import SubscribersChanged
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection, Database, Row
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import find_in, link_in, share_addresses_in
from shared.suppression.record import NewSuppression, lift_in, suppress_in

SOURCE = "api"  #: of what is said here in a person's name


@dataclass(frozen=True, slots=True)
class Change:
    """``given``: the fields that are named. ``list_id`` None: of the person alone. ``name``: unique to this change."""

    actor: Actor
    hashes: AddressHashes
    subscriber_id: int
    list_id: int | None
    given: Mapping[str, Any]
    name: str
    now: Instant


#: What to answer, once the change is carried out.
Finish = Callable[[Connection], Awaitable[Answer | Refused]]


async def change(database: Database, wanted: Change, finish: Finish) -> Answer | Refused:
    """Raises UniqueViolation when somebody else took one of the addresses just now, Contended."""

    async def attempt(connection: Connection) -> Answer | Refused:
        account_id = wanted.actor.account_id
        await share_addresses_in(connection, account_id)
        row = await connection.fetch_row(QUERIES["standing"], account_id, wanted.subscriber_id, wanted.list_id)
        if row is None or (wanted.list_id is not None and not row["on_list"]):
            return Refused.not_found(_missing(wanted))
        before = _standing(row)
        planned = plan_change(before, wanted.given)
        if isinstance(planned, Refused):
            return planned
        if refused := await _taken(connection, wanted, planned.after):
            return refused
        await _apply(connection, wanted, before, planned)
        return await finish(connection)

    return await in_spite_of_others(database, attempt)


def _missing(wanted: Change) -> str:
    if wanted.list_id is None:
        return f"there is no subscriber {wanted.subscriber_id}"
    return f"subscriber {wanted.subscriber_id} is not on list {wanted.list_id}"


def _standing(row: Row) -> Standing:
    head = (row["email"], row["telephone"], row["external_id"], row["vars"], row["optout"])
    return Standing(*head, ended=row["ended"], confirmed=bool(row["confirmed"]))


async def _taken(connection: Connection, wanted: Change, after: Standing) -> Refused | None:
    asked = (after.email.lower() if after.email else None, after.telephone, after.external_id)
    rows = await connection.fetch(QUERIES["others_with"], wanted.actor.account_id, wanted.subscriber_id, *asked)
    if not rows:
        return None
    faults = tuple(Fault(row["field"], "belongs to another subscriber") for row in rows)
    return Refused("conflict", faults, rows[0]["id"])


async def _apply(connection: Connection, wanted: Change, before: Standing, planned: Changed) -> None:
    after, subscriber_id, list_id = planned.after, wanted.subscriber_id, wanted.list_id
    if planned.lost:
        await connection.execute(QUERIES["note_vanished"], subscriber_id, list(planned.lost), "no_address")
    await _lift(connection, wanted, planned)
    own = (after.email, after.telephone, after.external_id, dict(after.vars), after.optout)
    await connection.execute(QUERIES["write_standing"], subscriber_id, *own)
    if list_id is not None:
        terms = (list_id, subscriber_id, after.confirmed, planned.rejoins)
        await connection.execute(QUERIES["write_subscription"], *terms)
        origin = (wanted.given.get("source"), wanted.given.get("consent"))
        if any(origin):
            await connection.execute(QUERIES["tell_origin"], list_id, subscriber_id, *origin)
    if planned.gained:
        await _tie(connection, wanted, after, planned.gained)
    if planned.says_no:
        await _suppress(connection, wanted, planned)
    if after != before or {"source", "consent"} & wanted.given.keys():
        await append_in(connection, [Append((_event(wanted),))])


async def _lift(connection: Connection, wanted: Change, planned: Changed) -> None:
    """What he said before. A STOP by SMS goes only when all is permitted again."""
    account_id, user_id = wanted.actor.account_id, wanted.actor.user_id
    of_list = wanted.list_id if planned.rejoins else None
    all_of_it = planned.after.optout == "none"
    asked = (account_id, wanted.subscriber_id, of_list, planned.permits, all_of_it)
    rows = await connection.fetch(QUERIES["said_by"], *asked)
    ids = [row["id"] for row in rows]
    await lift_in(connection, account_id, ids, wanted.now, f"{wanted.name}-lifted", user_id)


async def _tie(connection: Connection, wanted: Change, after: Standing, gained: Iterable[Channel]) -> None:
    """What is suppressed of an address that he has only now applies to him."""
    addresses = [(channel, address) for channel, address in _addresses(after) if channel in gained]
    found = await find_in(connection, wanted.hashes, wanted.actor.account_id, addresses)
    await link_in(connection, [(each.id, wanted.subscriber_id, each.address) for each in found])


async def _suppress(connection: Connection, wanted: Change, planned: Changed) -> None:
    account_id, user_id = wanted.actor.account_id, wanted.actor.user_id
    said = [
        NewSuppression(
            account_id,
            channel,
            address,
            "opted_out",
            SOURCE,
            subscriber_id=wanted.subscriber_id,
            marketing_only=planned.marketing_only,
        )
        for channel, address in _addresses(planned.after)
    ]
    await suppress_in(connection, wanted.hashes, said, wanted.now, f"{wanted.name}-opted-out", user_id)


def _addresses(standing: Standing) -> list[tuple[Channel, str]]:
    both: tuple[tuple[Channel, str | None], ...] = (("email", standing.email), ("sms", standing.telephone))
    return [(channel, address) for channel, address in both if address]


def _event(wanted: Change) -> StreamAppend:
    list_id = None if wanted.list_id is None else ListId(wanted.list_id)
    changed = SubscribersChanged(list_id, (), (wanted.subscriber_id,), (), wanted.now)
    return StreamAppend(subscribers_stream(wanted.name), 0, [changed], wanted.actor)
