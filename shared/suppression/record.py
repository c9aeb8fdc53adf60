"""Records who must not be written to, and takes that back: rows and event in the caller's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.domain.identifiers import Channel, Instant, suppressions_stream
from shared.domain.suppression import Reason, SubscribersSuppressed, SuppressionsLifted
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import append_in
from shared.postgres.database import Connection, Row
from shared.suppression.address_hash import AddressHashes
from shared.suppression.statements import STATEMENTS

LONGEST_DETAIL = 500

Key = tuple[int, Channel, bytes, int | None, Reason]  #: of a row: account, channel, hash, list, reason


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
    await connection.execute(STATEMENTS["go_by_index"])
    if any(each.subscriber_id is None for each in distinct.values()):
        await connection.execute(STATEMENTS["hold_addresses"], [each.account_id for each in distinct.values()])
    places = list(distinct)
    rows = await connection.fetch(STATEMENTS["known_suppressions"], *_candidates(hashes, distinct))
    known = {places[row["place"]]: row for row in rows}
    found = await _add(connection, {key: each for key, each in distinct.items() if key not in known}, now)
    found += await _renew(connection, [(known[key], each) for key, each in distinct.items() if key in known])
    await append_in(connection, [Append(_suppressed_events(found, now, change, user_id))])
    return found


async def _add(connection: Connection, new: Mapping[Key, NewSuppression], now: Instant) -> list[Suppressed]:
    if not new:
        return []
    rows = await connection.fetch(STATEMENTS["add_suppressions"], *_columns(new), now)
    # One that is not answered was added by somebody else just now.
    added = {(row["account_id"], row["channel"], row["hash"], row["list_id"], row["reason"]): row for row in rows}
    return [
        Suppressed(added[key]["id"], added[key]["subscriber_id"], each) for key, each in new.items() if key in added
    ]


async def _renew(connection: Connection, told: Sequence[tuple[Row, NewSuppression]]) -> list[Suppressed]:
    """Those that became stricter."""
    stricter = {row["id"]: each for row, each in told if row["marketing_only"] and not each.marketing_only}
    changed = [
        (row["id"], each.marketing_only, each.address, each.subscriber_id)
        for row, each in told
        if row["id"] in stricter or row["erased"] or (row["subscriber_id"] is None and each.subscriber_id is not None)
    ]
    if not changed:
        return []
    rows = await connection.fetch(
        STATEMENTS["renew_suppressions"], *(list(column) for column in zip(*changed, strict=True))
    )
    return [Suppressed(row["id"], row["subscriber_id"], stricter[row["id"]]) for row in rows if row["id"] in stricter]


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


def _distinct(hashes: AddressHashes, wanted: Iterable[NewSuppression]) -> dict[Key, NewSuppression]:
    """One of each; an opt-out of everything before one of marketing."""
    found: dict[Key, NewSuppression] = {}
    for each in wanted:
        digest = hashes.of(each.account_id, each.channel, each.address)
        key = (each.account_id, each.channel, digest, each.list_id, each.reason)
        if key not in found or (found[key].marketing_only and not each.marketing_only):
            found[key] = each
    return found


def _columns(new: Mapping[Key, NewSuppression]) -> tuple[list[object], ...]:
    rows = [
        (
            each.account_id,
            each.channel,
            key[2],
            each.address,
            each.subscriber_id,
            each.list_id,
            each.reason,
            each.marketing_only,
            each.source,
            _kept(each.detail),
            each.task_id,
            each.ordinal,
        )
        for key, each in new.items()
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _kept(detail: str | None) -> str | None:
    # Whatever somebody said: a text column takes all but NUL.
    return detail.replace("\x00", " ")[:LONGEST_DETAIL] if detail else None


def _candidates(hashes: AddressHashes, wanted: Mapping[Key, NewSuppression]) -> tuple[list[object], ...]:
    rows = [
        (place, each.account_id, each.channel, digest, each.list_id, each.reason)
        for place, each in enumerate(wanted.values())
        for digest in hashes.all(each.account_id, each.channel, each.address)
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


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
