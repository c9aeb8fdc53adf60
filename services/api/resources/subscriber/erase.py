"""Erases a person: his address goes everywhere, his number and every count stay.

One transaction takes away what makes him a person, and from then on nothing is handed over to him; what is left of him
behind it, in records of tasks long sent, is blanked chunk by chunk (``finish_erasure``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from services.api.resources.subscriber.blank_jobs import Naming, blank_jobs, find_naming, note_erased
from services.api.resources.subscriber.keep_ids import keep_ids
from services.api.resources.subscriber.read import QUERIES
from services.api.resources.suppression.record import in_spite_of_others
from shared.domain.identifiers import Channel, Instant, subscribers_stream
from shared.domain.recipient_list import SubscribersErased
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection, Database, Row
from shared.postgres.named_queries import load_queries
from shared.suppression.address_hash import AddressHashes
from shared.suppression.find import hold_addresses_in
from shared.suppression.record import NewSuppression, suppress_in

STATEMENTS = load_queries(Path(__file__).with_name("erasure.sql"))

BOTH: tuple[Channel, ...] = ("email", "sms")

Addresses = Sequence[tuple[Channel, str]]


@dataclass(frozen=True, slots=True)
class Erasure:
    """``name``: unique to it."""

    actor: Actor
    hashes: AddressHashes
    subscriber_id: int
    name: str
    now: Instant


async def erase(database: Database, wanted: Erasure) -> bool:
    """False: there is nobody such. Whoever is half erased already is somebody. Raises Contended."""
    account_id, subscriber_id = wanted.actor.account_id, wanted.subscriber_id
    rows = await database.fetch(STATEMENTS["addresses_of"], account_id, subscriber_id)
    known: Addresses = [(row["channel"], row["address"]) for row in rows]
    telling = await database.fetch(STATEMENTS["answers_telling"], account_id, _folded(known)) if known else []
    naming = await find_naming(database, account_id, _folded(known)) if known else Naming((), ())

    async def attempt(connection: Connection) -> bool:
        # A chunk of a job locks its row first, and then the addresses: so does this.
        await blank_jobs(connection, account_id, known, naming)
        await hold_addresses_in(connection, account_id)
        person = await connection.fetch_row(STATEMENTS["lock_person"], account_id, subscriber_id)
        if person is None:
            return bool(await connection.fetch_value(STATEMENTS["unfinished"], account_id, subscriber_id))
        await connection.execute(QUERIES["note_vanished"], subscriber_id, list(BOTH), "erased")
        await _record_wishes(connection, wanted, person)
        await _blank(connection, wanted, [*known, *_own(person)])
        await _blank_answers(connection, wanted, telling)
        await connection.execute(STATEMENTS["remove_person"], subscriber_id)
        await connection.execute(STATEMENTS["note_erasure"], subscriber_id, account_id, wanted.actor.user_id)
        event = SubscribersErased((subscriber_id,), wanted.now)
        stream = StreamAppend(subscribers_stream(wanted.name), 0, [event], wanted.actor)
        await append_in(connection, [Append((stream,))])
        return True

    return await in_spite_of_others(database, attempt)


async def _record_wishes(connection: Connection, wanted: Erasure, person: Row) -> None:
    """So that the hash still says what he said, should his address be brought back."""
    lists = await connection.fetch(STATEMENTS["lists_left"], person["id"])
    opted_out = person["optout"] != "none"
    said = [
        NewSuppression(
            wanted.actor.account_id,
            channel,
            address,
            "opted_out" if list_id is None else "unsubscribed",
            "erased",
            subscriber_id=person["id"],
            list_id=list_id,
            marketing_only=list_id is None and person["optout"] in ("blast", "basic"),
        )
        for channel, address in _own(person)
        for list_id in [*([None] if opted_out else []), *(row["list_id"] for row in lists)]
    ]
    user_id = wanted.actor.user_id
    await suppress_in(connection, wanted.hashes, said, wanted.now, f"{wanted.name}-said", user_id)


async def _blank(connection: Connection, wanted: Erasure, known: Addresses) -> None:
    account_id, subscriber_id = wanted.actor.account_id, wanted.subscriber_id
    hashes = [digest for channel, address in known for digest in wanted.hashes.all(account_id, channel, address)]
    telephones = [address for channel, address in known if channel == "sms"]
    named = (account_id, subscriber_id)
    await connection.execute(STATEMENTS["blank_suppressions"], *named, hashes, _folded(known))
    await connection.execute(STATEMENTS["blank_notices"], *named, _folded(known))
    await connection.execute(STATEMENTS["blank_inbound_sms"], *named, telephones)
    await note_erased(connection, account_id, hashes, wanted.now)


async def _blank_answers(connection: Connection, wanted: Erasure, telling: Sequence[Row]) -> None:
    names = [[row[part] for row in telling] for part in ("method", "path", "key")]
    account_id = wanted.actor.account_id
    for row in await connection.fetch(STATEMENTS["answers_about"], account_id, wanted.subscriber_id, *names):
        left = orjson.dumps(keep_ids(orjson.loads(row["body"])))
        name = (account_id, row["method"], row["path"], row["key"])
        await connection.execute(STATEMENTS["blank_answer"], *name, left)


def _own(person: Row) -> Addresses:
    both: tuple[tuple[Channel, str | None], ...] = (("email", person["email"]), ("sms", person["telephone"]))
    return [(channel, address) for channel, address in both if address]


def _folded(addresses: Addresses) -> list[str]:
    return [address.lower() for _, address in addresses]
