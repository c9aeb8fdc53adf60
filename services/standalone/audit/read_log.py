"""Reads the delivery log of one task, a page of segments at a time, and what is counted of it.

The counts are made anew out of the log, by the projector's own rules and up to where it has come, and held against
those that readers see.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from pyroaring import BitMap

from services.standalone.audit.statements import STATEMENTS
from services.standalone.audit.task_facts import Drift, Log
from services.tracker.decisions.count_hits import count_hits
from services.tracker.decisions.rule_sets import RULE_SETS
from shared.delivery_log.chunks import decode_chunk
from shared.delivery_log.segments import Hits, decode_hits, ordinals_of
from shared.domain.delivery import Kind
from shared.domain.identifiers import CHUNK, Instant, shard_of
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Row

PAGE: Final = 256  #: segments
SECONDS: Final = 300.0  #: for one statement: it only reads

_SENT: Final = (Kind.SUBMITTED, Kind.BOUNCED, Kind.DEFERRED)  #: what follows from an attempt

Sets = defaultdict[tuple[int, int], BitMap]  #: by kind and link
Minutes = Counter[tuple[int, int, int]]  #: by kind, link and minute


class LogReader:
    """Adds up the segments of one task, in the order of their batches and holds. ``cut_at``: how far its callbacks
    have been cut.
    """

    def __init__(self, task_id: int, projected: TailPosition, rules: int | None, cut_at: TailPosition) -> None:
        self._task_id = task_id
        self._projected = projected
        self._rules = None if rules is None else RULE_SETS.get(rules)
        self._cut_at = cut_at
        self._knows_rules = rules in RULE_SETS
        self._sets: defaultdict[Kind, BitMap] = defaultdict(BitMap)
        self._hold: tuple[int, int] | None = None
        self._of_hold, self._accepted, self._twice = BitMap(), BitMap(), BitMap()
        self._by_minute: Counter[int] = Counter()
        self._first_sent_at: Instant | None = None
        self._addressed, self._misplaced = 0, 0
        self.cut: defaultdict[Kind, BitMap] = defaultdict(BitMap)
        self.counted: Sets = defaultdict(BitMap)
        self.minutes: Minutes = Counter()

    def add(self, row: Row) -> None:
        kind, hits = Kind(row["kind"]), decode_hits(row["hits"])
        at, who = TailPosition(row["store_epoch"], row["xid"], row["position"]), ordinals_of(hits)
        self._sets[kind] |= who
        self._addressed += sum("@" in note for note in hits.notes)
        self._misplaced += row["shard"] != shard_of(self._task_id)
        if kind is Kind.SUBMITTED:
            self._accept((row["batch"], row["epoch"]), who, hits)
        if kind in _SENT and (self._first_sent_at is None or row["recorded_at"] < self._first_sent_at):
            self._first_sent_at = Instant(row["recorded_at"])
        if at <= self._cut_at:
            self.cut[kind] |= who
        if at <= self._projected and self._knows_rules:
            self._count(kind, hits)

    def log(self, drift: Drift | None) -> Log:
        self._end_hold()
        return Log(
            self._sets,
            self._twice,
            self._by_minute,
            self._first_sent_at,
            self._addressed,
            self._misplaced,
            drift,
        )

    @property
    def knows_rules(self) -> bool:
        return self._knows_rules

    def _accept(self, hold: tuple[int, int], who: BitMap, hits: Hits) -> None:
        if hold != self._hold:
            self._end_hold()
            self._hold = hold
        self._of_hold |= who
        self._by_minute.update(time // 60_000 for time in hits.times)

    def _end_hold(self) -> None:
        self._twice |= self._accepted & self._of_hold
        self._accepted |= self._of_hold
        self._of_hold = BitMap()

    def _count(self, kind: Kind, hits: Hits) -> None:
        additions = count_hits([(self._task_id, kind, hits)], {self._task_id: self._rules})
        for key, members in additions.sets.items():
            self.counted[key.kind, key.link] |= members
        for minute, count in additions.series.items():
            self.minutes[minute.kind, minute.link, minute.minute] += count


async def read_log(connection: Connection, task_id: int) -> tuple[Log, Mapping[Kind, BitMap]]:
    """What the log says, and what it said where callbacks were cut last. Inside the caller's snapshot."""
    [reached] = await connection.fetch(STATEMENTS["reached_of_shard"], shard_of(task_id))
    reader = LogReader(task_id, _position(reached, ""), reached["rules"], _position(reached, "cut_"))
    after: Sequence[int] = (-(2**63), -1, -1)
    while rows := await connection.fetch(STATEMENTS["segments_of_task"], task_id, *after, PAGE):
        for row in rows:
            reader.add(row)
        after = (rows[-1]["batch"], rows[-1]["epoch"], rows[-1]["part"])
    drift = await _drift(connection, task_id, reached["generation"], reader) if reader.knows_rules else None
    return reader.log(drift), reader.cut


async def _drift(connection: Connection, task_id: int, generation: int, reader: LogReader) -> Drift:
    stored, miscounted = defaultdict[tuple[int, int], BitMap](BitMap), 0
    after: Sequence[int] = (-1, -1, -1)
    while rows := await connection.fetch(STATEMENTS["sets_of_task"], task_id, generation, *after, PAGE):
        for row in rows:
            members = decode_chunk(row["bits"])
            inside = range(row["chunk"] * CHUNK, (row["chunk"] + 1) * CHUNK)
            misplaced = bool(members) and not (members.min() in inside and members.max() in inside)
            miscounted += misplaced or row["cardinality"] != len(members)
            stored[row["kind"], row["link"]] |= members
        after = (rows[-1]["kind"], rows[-1]["link"], rows[-1]["chunk"])
    minutes = await connection.fetch_slowly(SECONDS, STATEMENTS["minutes_of_task"], task_id, generation)
    return Drift(
        _difference(reader.counted, stored),
        _difference(stored, reader.counted),
        miscounted,
        _unequal(reader.minutes, {(row["kind"], row["link"], row["minute"]): row["hits"] for row in minutes}),
    )


def _difference(
    having: Mapping[tuple[int, int], BitMap], other: Mapping[tuple[int, int], BitMap]
) -> Mapping[tuple[int, int], BitMap]:
    nobody = BitMap()
    return {key: left for key, members in having.items() if (left := members - other.get(key, nobody))}


def _unequal(
    log: Mapping[tuple[int, int, int], int], series: Mapping[tuple[int, int, int], int]
) -> Mapping[tuple[int, int, int], tuple[int, int]]:
    both = {minute: (log.get(minute, 0), series.get(minute, 0)) for minute in log.keys() | series.keys()}
    return {minute: (logged, told) for minute, (logged, told) in both.items() if logged != told}


def _position(row: Row, prefix: str) -> TailPosition:
    """Before everything where nobody has come to any."""
    return TailPosition(row[f"{prefix}store_epoch"] or 0, row[f"{prefix}xid"] or 0, row[f"{prefix}position"] or 0)
