"""Looks up the suppressions of addresses, whoever has them or nobody, and ties them to a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.identifiers import Channel
from shared.domain.message_class import MessageClass
from shared.domain.suppression import Reason
from shared.postgres.database import Connection
from shared.suppression.address_hash import AddressHashes
from shared.suppression.statements import STATEMENTS


@dataclass(frozen=True, slots=True)
class Found:
    """``address``: as it was asked for."""

    id: int
    channel: Channel
    address: str
    list_id: int | None
    reason: Reason
    subscriber_id: int | None
    marketing_only: bool


async def share_addresses_in(connection: Connection, account_id: int) -> None:
    """First of all in a transaction that gives addresses to subscribers: until its commit none is suppressed unseen."""
    await connection.execute(STATEMENTS["share_addresses"], account_id)


async def hold_addresses_in(connection: Connection, account_id: int) -> None:
    """The opposite: until the commit nobody is given an address, and whoever gives one has committed."""
    await connection.execute(STATEMENTS["hold_addresses"], [account_id])


async def find_in(
    connection: Connection, hashes: AddressHashes, account_id: int, addresses: Sequence[tuple[Channel, str]]
) -> list[Found]:
    """All suppressions of these addresses, in one statement, whichever secret they were recorded under."""
    return await find_hashed_in(connection, account_id, hash_addresses(hashes, account_id, addresses))


@dataclass(frozen=True, slots=True)
class Hashed:
    """Addresses with their hashes, under every secret: worked out before a transaction, as it takes its time."""

    addresses: Sequence[tuple[Channel, str]]
    places: list[int]
    channels: list[Channel]
    digests: list[bytes]


def hash_addresses(hashes: AddressHashes, account_id: int, addresses: Sequence[tuple[Channel, str]]) -> Hashed:
    hashed = Hashed(addresses, [], [], [])
    for place, (channel, address) in enumerate(addresses):
        for digest in hashes.all(account_id, channel, address):
            hashed.places.append(place)
            hashed.channels.append(channel)
            hashed.digests.append(digest)
    return hashed


async def find_hashed_in(connection: Connection, account_id: int, asked: Hashed) -> list[Found]:
    """As ``find_in``."""
    if not asked.places:
        return []
    # Of most accounts that begin there is none: thousands of addresses need not be asked for.
    if not await connection.fetch_value(STATEMENTS["any_suppressed"], account_id):
        return []
    await connection.execute(STATEMENTS["go_by_index"])
    columns = (asked.places, asked.channels, asked.digests)
    rows = await connection.fetch(STATEMENTS["find_suppressions"], account_id, *columns)
    return [
        Found(
            row["id"],
            row["channel"],
            asked.addresses[row["place"]][1],
            row["list_id"],
            row["reason"],
            row["subscriber_id"],
            row["marketing_only"],
        )
        for row in rows
    ]


async def reasons_against_in(
    connection: Connection,
    hashes: AddressHashes,
    account_id: int,
    channel: Channel,
    addresses: Sequence[str],
    message_class: MessageClass,
) -> dict[str, str]:
    """Of those who must not be sent a single message of this class: why not, in the words of a contact record."""
    asked = [
        (place, digest)
        for place, address in enumerate(addresses, start=1)
        for digest in hashes.all(account_id, channel, address)
    ]
    await connection.execute(STATEMENTS["go_by_index"])
    rows = await connection.fetch(
        STATEMENTS["reasons_against"],
        account_id,
        channel,
        message_class,
        list(addresses),
        [place for place, _ in asked],
        [digest for _, digest in asked],
    )
    return {addresses[row["place"] - 1]: row["reason"] for row in rows}


async def link_in(connection: Connection, owned: Sequence[tuple[int, int, str]]) -> None:
    """``owned``: (suppression, subscriber, address): the suppression applies to whoever has the address now."""
    if owned:
        await connection.execute(
            STATEMENTS["link_suppressions"], *(list(column) for column in zip(*owned, strict=True))
        )
