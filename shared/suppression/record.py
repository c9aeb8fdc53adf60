"""Records who must not be written to, and takes that back: rows and event in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.domain.identifiers import Channel, Instant, suppressions_stream
from shared.domain.suppression import Reason, SubscribersSuppressed, SuppressionsLifted
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection
from shared.suppression.address_hash import AddressHashes
from shared.suppression.statements import STATEMENTS

LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class NewSuppression:
    """One reason not to write to one address.

    ``source``: where it comes from, as ``task 7`` or a caller's own word; ``detail``: in the words of whoever said so;
    neither may hold the address. ``list_id`` None: of the whole account. ``marketing_only``: an opt-out that permits
    messages of class service. ``subscriber_id`` None: whoever has the address, if anybody.
    """

    account_id: int
    channel: Channel
    address: str
    reason: Reason
    source: str
    subscriber_id: int | None = None
    list_id: int | None = None
    detail: str | None = None
    task_id: int | None = None
    ordinal: int | None = None
    marketing_only: bool = False


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A row that is new, or stricter than it was."""

    id: int
    subscriber_id: int | None
    what: NewSuppression


@dataclass(frozen=True, slots=True)
class Lifted:
    """A row that is no more."""

    id: int
    subscriber_id: int | None
    list_id: int | None
    reason: Reason


async def suppress_in(
    connection: Connection,
    hashes: AddressHashes,
    wanted: Sequence[NewSuppression],
    now: Instant,
    change: str,
    user_id: int | None = None,
) -> list[Suppressed]:
    """Adds what is not there yet, and appends one event with its ids (for each account, where there are several).

    Repeats are harmless. ``change`` names the event's stream and is unique to it. ``user_id`` None: Postroom itself.
    """
    distinct = _distinct(hashes, wanted)
    if not distinct:
        return []
    if any(each.subscriber_id is None for each in distinct):
        await connection.execute(STATEMENTS["hold_addresses"], [each.account_id for each in distinct])
    rows = await connection.fetch(
        STATEMENTS["suppress"], *_columns(hashes, distinct), now, *_candidates(hashes, distinct)
    )
    found = [Suppressed(row["id"], row["subscriber_id"], distinct[row["place"] - 1]) for row in rows]
    await append_in(connection, [Append(_suppressed_events(found, now, change, user_id))])
    return found


async def lift_in(
    connection: Connection, account_id: int, ids: Sequence[int], now: Instant, change: str, user_id: int | None = None
) -> list[Lifted]:
    """Takes the rows away and undoes what they stand for: an ended subscription (``unsubscribed``), an opt-out
    (``opted_out``). Appends one event. Ids of other accounts are left alone.
    """
    rows = await connection.fetch(STATEMENTS["lift"], account_id, ids)
    lifted = [Lifted(row["id"], row["subscriber_id"], row["list_id"], row["reason"]) for row in rows]
    if lifted:
        event = SuppressionsLifted(*_told((each.id, each.subscriber_id, each.reason) for each in lifted), at=now)
        stream = StreamAppend(suppressions_stream(change), 0, [event], Actor(account_id, user_id))
        await append_in(connection, [Append((stream,))])
    return lifted


def _distinct(hashes: AddressHashes, wanted: Iterable[NewSuppression]) -> list[NewSuppression]:
    """One of each; an opt-out of everything before one of marketing."""
    found: dict[tuple[object, ...], NewSuppression] = {}
    for each in wanted:
        address_hash = hashes.of(each.account_id, each.channel, each.address)
        key = (each.account_id, each.channel, address_hash, each.list_id, each.reason)
        if key not in found or (found[key].marketing_only and not each.marketing_only):
            found[key] = each
    return list(found.values())


def _columns(hashes: AddressHashes, wanted: Sequence[NewSuppression]) -> tuple[list[object], ...]:
    rows = [
        (
            each.account_id,
            each.channel,
            hashes.of(each.account_id, each.channel, each.address),
            each.address,
            each.subscriber_id,
            each.list_id,
            each.reason,
            each.marketing_only,
            each.source,
            each.detail[:LONGEST_DETAIL] if each.detail else None,
            each.task_id,
            each.ordinal,
        )
        for each in wanted
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _candidates(hashes: AddressHashes, wanted: Sequence[NewSuppression]) -> tuple[list[int], list[bytes]]:
    found = [
        (place, digest)
        for place, each in enumerate(wanted, start=1)
        for digest in hashes.all(each.account_id, each.channel, each.address)
    ]
    return [place for place, _ in found], [digest for _, digest in found]


def _suppressed_events(
    found: Iterable[Suppressed], now: Instant, change: str, user_id: int | None
) -> tuple[StreamAppend, ...]:
    by_account: defaultdict[int, list[tuple[int, int | None, Reason]]] = defaultdict(list)
    for each in found:
        by_account[each.what.account_id].append((each.id, each.subscriber_id, each.what.reason))
    # The stream is unique to the event, also where one change concerns several accounts.
    return tuple(
        StreamAppend(
            suppressions_stream(change if len(by_account) == 1 else f"{change}-{account_id}"),
            0,
            [SubscribersSuppressed(*_told(rows), at=now)],
            Actor(account_id, user_id),
        )
        for account_id, rows in by_account.items()
    )


def _told(
    rows: Iterable[tuple[int, int | None, Reason]],
) -> tuple[tuple[int, ...], tuple[int | None, ...], tuple[Reason, ...]]:
    """As the columns of an event."""
    known = list(rows)
    return tuple(row[0] for row in known), tuple(row[1] for row in known), tuple(row[2] for row in known)
