"""Reads the account's published events in their one order, a bounded piece of both logs at a time.

Of the event store and of each shard of the delivery log so many rows are looked at, whosever they are. Where one of
them has more, the page ends no later than there, so that nothing of another log that comes behind is told before it.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import structlog

from services.api.published.catalogue import event_name, is_published
from services.api.published.deliveries import read_people
from services.api.published.envelope import delivery_envelopes, envelope_of
from services.api.published.received_sms import read_received
from services.api.resources.event.place import DELIVERIES, STORE, Place
from shared.bus.in_process import matches
from shared.bus.interface import EventEnvelope
from shared.delivery_log.merged import decode_originals, split_hits
from shared.delivery_log.segments import BadSegment, Hits, decode_hits
from shared.delivery_log.tail import RecordedSegment
from shared.domain.delivery import EVENTS, Kind
from shared.domain.identifiers import SHARDS, Instant
from shared.event_store.codec import BY_NAME
from shared.event_store.interface import RecordedEvent, TailPosition
from shared.event_store.on_postgres import recorded_event
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

log = structlog.get_logger(__name__)

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

LOOKED_AT: Final = 2_000  #: events of the store
LOOKED_AT_OF_SHARD: Final = 200  #: segments
MOST_BYTES: Final = 256 * 1024  #: of stored hits in one page (a hit has 8 to 10), and at most one segment more

_KINDS: Final = frozenset(map(int, EVENTS))
_KNOWN_KINDS: Final = frozenset(map(int, Kind))


@dataclass(frozen=True, slots=True)
class Page:
    """``reached``: where to go on. ``more``: whether there may be something already. ``held_up``: what lies there was
    written by a newer version, and nothing behind it is told before it.
    """

    events: Sequence[tuple[Place, EventEnvelope]]
    reached: Place
    more: bool
    held_up: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies next in both logs; ``ends``: how far all of them were looked at, None: to their ends."""

    rows: Sequence[tuple[Place, Row]]
    ends: Place | None


class _Unreadable(Exception):
    """A newer version wrote this. As the relay does, readers wait there for one that can read it."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


async def read_edge(database: Database) -> Row:
    """Up to where to read, and from where on everything is kept."""
    [edge] = await database.fetch(QUERIES["edge"])
    return edge


class _Moved(Exception):
    """What was found was merged before its hits were read: it stands elsewhere now."""


async def read_page(database: Database, account_id: int, after: Place, edge: Row, count: int, pattern: str) -> Page:
    while True:
        # It is moved once, so this comes to an end.
        with contextlib.suppress(_Moved):
            return await _read_page(database, account_id, after, edge, count, pattern)


async def _read_page(database: Database, account_id: int, after: Place, edge: Row, count: int, pattern: str) -> Page:
    found = await _look(database, account_id, after, (edge["store_epoch"], str(edge["xid"])))
    # The segment of the cursor is found once more, for the rest of its parts: told to its end, it takes no room here.
    ahead = [each for each in found.rows if each[0].whole() > after]
    wanted, cut = _within_bounds([each for each in ahead if _is_wanted(*each, account_id, pattern)], count)
    wanted, told, stopped = await _tell_readable(database, account_id, wanted)
    events = [(place, envelope) for place, envelope in told if place > after]
    if len(events) > count:
        return Page(events[:count], events[count - 1][0], more=True)
    if stopped is not None:
        return Page(events, max([after, *(place.whole() for place, _ in wanted[-1:])]), more=False, held_up=True)
    if cut:
        return Page(events, wanted[-1][0].whole(), more=True)
    if found.ends is not None:
        return Page(events, max(found.ends.whole(), after), more=True)
    return Page(events, max([after, *(place.whole() for place, _ in found.rows[-1:])]), more=False)


async def _look(database: Database, account_id: int, after: Place, below: tuple[int, str]) -> _Found:
    events = await database.fetch(
        QUERIES["events_between"], *_behind(after.behind_in(STORE)), *below, account_id, LOOKED_AT
    )
    behind = _behind(after.behind_in(DELIVERIES))
    shards = list(range(SHARDS))
    segments = await database.fetch(
        QUERIES["segments_between"], shards, *behind, *below, account_id, LOOKED_AT_OF_SHARD
    )
    placed = [(_place(row, STORE), row) for row in events] + [(_place(row, DELIVERIES), row) for row in segments]
    ends = min(_ends_of_full(events, segments), default=None)
    if ends is not None:
        placed = [(place, row) for place, row in placed if place <= ends]
    return _Found(sorted(placed, key=lambda each: each[0]), ends)


def _behind(at: TailPosition) -> tuple[int, str, int]:
    return at.store_epoch, str(at.xid), at.position


def _place(row: Row, log: int) -> Place:
    return Place(row["store_epoch"], row["xid"], log, row["position"])


def _ends_of_full(events: Sequence[Row], segments: Sequence[Row]) -> list[Place]:
    """The last row of each log that may have more of them."""
    ends = [_place(events[-1], STORE)] if len(events) == LOOKED_AT else []
    by_shard: dict[int, list[Row]] = {}
    for row in segments:
        by_shard.setdefault(row["shard"], []).append(row)
    full = [rows for rows in by_shard.values() if len(rows) == LOOKED_AT_OF_SHARD]
    return ends + [max(_place(row, DELIVERIES) for row in rows) for rows in full]


def _is_wanted(place: Place, row: Row, account_id: int, pattern: str) -> bool:
    """What this version does not know may be of any name, so it is wanted, and found to be unreadable."""
    if place.log == STORE:
        name = row["type"]
        known = is_published(name) and matches(pattern, name)
        return row["account_id"] == account_id and (known or name not in BY_NAME)
    if not row["of_account"]:
        return False
    if row["kind"] not in _KNOWN_KINDS:
        return True
    return row["kind"] in _KINDS and matches(pattern, f"delivery.{event_name(Kind(row['kind']))}")


def _within_bounds(wanted: Sequence[tuple[Place, Row]], count: int) -> tuple[Sequence[tuple[Place, Row]], bool]:
    """As many as a page holds, and one more, from which it is seen that there are; and whether some were left out."""
    held, size = 0, 0
    for place, row in wanted[: count + 1]:
        if size > MOST_BYTES:
            break
        held, size = held + 1, size + (row["size"] if place.log == DELIVERIES else 0)
    return wanted[:held], held < len(wanted)


async def _tell_readable(
    database: Database, account_id: int, wanted: Sequence[tuple[Place, Row]]
) -> tuple[Sequence[tuple[Place, Row]], list[tuple[Place, EventEnvelope]], Place | None]:
    """What is told of those before the first that cannot be read, these themselves, and where that one is."""
    stopped = None
    while True:
        try:
            return wanted, await _tell(database, account_id, wanted), stopped
        except _Unreadable as error:  # there may be another before it
            stopped = error.place
            wanted = [each for each in wanted if each[0] < stopped]


async def _tell(
    database: Database, account_id: int, wanted: Sequence[tuple[Place, Row]]
) -> list[tuple[Place, EventEnvelope]]:
    """Raises _Unreadable."""
    recorded = {place: _read_event(place, row) for place, row in wanted if place.log == STORE}
    received = await read_received(database, list(recorded.values()))
    segments = await _segments(database, {place: row for place, row in wanted if place.log == DELIVERIES})
    people = await read_people(database, [each for of_place in segments.values() for each in of_place])
    told: list[tuple[Place, EventEnvelope]] = []
    for place, _ in wanted:
        if place in recorded:
            told.append((place, envelope_of(recorded[place], received)))
        else:
            parts = chain.from_iterable(
                delivery_envelopes(segment, account_id, people[segment.task_id]) for segment in segments[place]
            )
            told += [(place._replace(part=part), envelope) for part, envelope in enumerate(parts, start=1)]
    return told


async def _segments(database: Database, placed: Mapping[Place, Row]) -> dict[Place, list[RecordedSegment]]:
    """By place, those that were recorded: of one that was merged all that it was made of. Raises _Unreadable, of the
    first that is, and _Moved.
    """
    columns = [[row[name] for row in placed.values()] for name in ("task_id", "batch", "epoch", "part")]
    rows = await database.fetch(QUERIES["hits_of"], *columns) if placed else []
    stored = {(row["task_id"], row["position"]): row for row in rows}
    segments: dict[Place, list[RecordedSegment]] = {}
    for place in sorted(placed):
        row = placed[place]
        found = stored.get((row["task_id"], place.position))
        if found is None:
            raise _Moved
        kind, recorded = _read_segment(place, row["kind"], found)
        segments[place] = [
            RecordedSegment(
                row["shard"],
                TailPosition(place.store_epoch, place.xid, position),
                row["task_id"],
                kind,
                hits,
                Instant(recorded_us / 1_000_000),
            )
            for position, recorded_us, hits in recorded
        ]
    return segments


def _read_event(place: Place, row: Row) -> RecordedEvent:
    try:
        return recorded_event(row)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(place, error) from error


def _read_segment(place: Place, kind: int, found: Row) -> tuple[Kind, list[tuple[int, int, Hits]]]:
    """(position, unix microseconds when recorded, hits) of each."""
    try:
        hits = decode_hits(found["hits"])
        if found["merged"] is None:
            return Kind(kind), [(found["position"], found["recorded_us"], hits)]
        originals = decode_originals(found["merged"], found["part"])
        pieces = split_hits(hits, originals)
        return Kind(kind), [
            (each.position, each.recorded_us(piece), piece) for each, piece in zip(originals, pieces, strict=True)
        ]
    except (BadSegment, ValueError) as error:
        raise _unreadable(place, error) from error


def _unreadable(place: Place, error: Exception) -> _Unreadable:
    """Logged, as somebody has to do something about it."""
    told = {"log_of": "events" if place.log == STORE else "deliveries", "position": place.position}
    log.error("what is stored cannot be read", action="event_unreadable", error=repr(error), **told)
    return _Unreadable(place)
