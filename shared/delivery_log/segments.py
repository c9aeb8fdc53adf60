"""A segment: what became of a batch of recipients of one task, of one kind. Its form in memory and as bytes.

Stored hits are columns, little-endian: a header (format, flags, count, first time in unix ms), the ordinals (uint32),
the times as ms after the first (uint32), the details (uint16, only if one is not 0), the evidence (uint16, only if one
is not 0), then the notes as a JSON array, only if any. That is format 1. In format 2 ordinals and times are each the
difference to the one before (int32), of every column all first octets stand before all second ones and so on, and what
follows the header is deflated: a batch in the order of its ordinals then takes less than an octet a hit rather than
eight. A few hits, and what differs by more than that holds, are stored in format 1.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from operator import sub

import orjson
from pyroaring import BitMap

from shared.domain.delivery import Kind

_HEADER = struct.Struct("<BBxxIQ")
_PLAIN, _DEFLATED = 1, 2
_WIDEST = 2**31 - 1
DEFLATED_FROM = 16  #: hits: of fewer the plain ones are hardly more, and at hand sooner
_LEVEL = 1  #: the quickest; what is left to find behind the differences is not worth more
_HAS_DETAILS = 1
_HAS_NOTES = 2
_HAS_EVIDENCE = 4
_BIG_ENDIAN = sys.byteorder == "big"


class BadSegment(Exception):
    """The stored bytes are not a segment of a format this version reads."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Columns of equal length, one entry a hit; a recipient may be there more than once, in any order.

    ``details``: for a click the number of the link (from 1); otherwise the place in ``notes`` (from 1) of why; 0:
    nothing. ``evidence``: of who did it, see shared/domain/evidence.py; without any the column is empty.
    """

    ordinals: "array[int]"  #: typecode I
    times: "array[int]"  #: typecode Q, unix milliseconds
    details: "array[int]"  #: typecode H
    notes: tuple[str, ...] = ()
    evidence: "array[int]" = field(default_factory=lambda: array("H"))

    @staticmethod
    def at_once(ordinals: Iterable[int], time_ms: int, note: str = "") -> "Hits":
        """The same thing for all of them at one moment."""
        column = array("I", ordinals)
        count = len(column)
        return Hits(
            column, array("Q", [time_ms]) * count, array("H", [1 if note else 0]) * count, (note,) if note else ()
        )

    def __len__(self) -> int:
        return len(self.ordinals)


@dataclass(slots=True)
class HitColumns:
    """Hits as they come in, one by one."""

    ordinals: "array[int]" = field(default_factory=lambda: array("I"))
    times: "array[int]" = field(default_factory=lambda: array("Q"))
    details: "array[int]" = field(default_factory=lambda: array("H"))
    notes: dict[str, int] = field(default_factory=dict)
    evidence: "array[int]" = field(default_factory=lambda: array("H"))  #: ends with the last that is not 0

    def add(self, ordinal: int, time_ms: int, detail: int = 0, evidence: int = 0) -> None:
        self.ordinals.append(ordinal)
        self.times.append(time_ms)
        self.details.append(detail)
        if evidence:
            self.evidence.extend([0] * (len(self.ordinals) - 1 - len(self.evidence)))
            self.evidence.append(evidence)

    def add_noted(self, ordinal: int, time_ms: int, note: str) -> None:
        """``note``: why, in the words of whoever said so; equal notes are stored once."""
        self.add(ordinal, time_ms, self.notes.setdefault(note, len(self.notes) + 1) if note else 0)

    def __len__(self) -> int:
        return len(self.ordinals)

    def take(self) -> Hits:
        """What came in so far; from here on it gathers anew."""
        if self.evidence:
            self.evidence.extend([0] * (len(self.ordinals) - len(self.evidence)))
        hits = Hits(self.ordinals, self.times, self.details, tuple(self.notes), self.evidence)
        self.ordinals, self.times, self.details, self.notes = array("I"), array("Q"), array("H"), {}
        self.evidence = array("H")
        return hits


@dataclass(frozen=True, slots=True)
class Segment:
    """(task_id, batch, epoch, part) is its identity: the same segment appended again is stored once.

    Intake processes have no batch: theirs is a negative random number, the part counts up.
    """

    task_id: int
    kind: Kind
    batch: int
    epoch: int
    part: int
    hits: Hits


def encode_hits(hits: Hits, level: int = _LEVEL) -> bytes:
    """``level``: how much is spent on deflating, 1 to 9."""
    first = min(hits.times, default=0)
    after = array("I", [min(time - first, 0xFFFF_FFFF) for time in hits.times])
    flags = (_HAS_DETAILS if any(hits.details) else 0) | (_HAS_NOTES if hits.notes else 0)
    flags |= _HAS_EVIDENCE if any(hits.evidence) else 0
    small = [hits.details] if flags & _HAS_DETAILS else []
    small += [hits.evidence] if flags & _HAS_EVIDENCE else []
    notes = orjson.dumps(hits.notes) if flags & _HAS_NOTES else b""
    if len(hits) < DEFLATED_FROM or max(chain(hits.ordinals, after)) > _WIDEST:
        columns = [_bytes(column) for column in (hits.ordinals, after, *small)]
        return b"".join([_HEADER.pack(_PLAIN, flags, len(hits), first), *columns, notes])
    columns = [_by_octet(column) for column in (_differences(hits.ordinals), _differences(after), *small)]
    return _HEADER.pack(_DEFLATED, flags, len(hits), first) + zlib.compress(b"".join([*columns, notes]), level)


def decode_hits(data: bytes) -> Hits:
    """Raises BadSegment."""
    try:
        form, flags, count, first = _HEADER.unpack_from(data)
        if form not in (_PLAIN, _DEFLATED):
            raise BadSegment(f"format {form}")
        deflated = form == _DEFLATED
        rest = _Rest(zlib.decompress(data[_HEADER.size :]) if deflated else data[_HEADER.size :], count, deflated)
        ordinals, after = rest.take_wide(), rest.take_wide()
        details = rest.take("H") if flags & _HAS_DETAILS else array("H", bytes(2 * count))
        evidence = rest.take("H") if flags & _HAS_EVIDENCE else array("H")
        notes = tuple(orjson.loads(rest.data[rest.offset :])) if flags & _HAS_NOTES else ()
    except (struct.error, zlib.error, ValueError) as error:
        raise BadSegment(str(error)) from error
    return Hits(ordinals, array("Q", [first + ms for ms in after]), details, notes, evidence)


def ordinals_of(hits: Hits) -> BitMap:
    return BitMap(hits.ordinals)


def by_kind(task_id: int, batch: int, epoch: int, part: int, columns: Sequence[tuple[Kind, Hits]]) -> list[Segment]:
    """One segment for each kind that has hits, numbered from ``part`` on."""
    having = [(kind, hits) for kind, hits in columns if len(hits)]
    return [Segment(task_id, kind, batch, epoch, part + number, hits) for number, (kind, hits) in enumerate(having)]


def _differences(column: "array[int]") -> "array[int]":
    return array("i", chain(column[:1], map(sub, column[1:], column)))


def _by_octet(column: "array[int]") -> bytes:
    octets = _bytes(column)
    return b"".join([octets[place :: column.itemsize] for place in range(column.itemsize)])


def _bytes(column: "array[int]") -> bytes:
    if _BIG_ENDIAN:
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()


@dataclass(slots=True)
class _Rest:
    """Columns that are taken one after the other. Taking raises BadSegment where there is no whole one."""

    data: bytes
    count: int
    deflated: bool
    offset: int = 0

    def take_wide(self) -> "array[int]":
        return array("I", accumulate(self.take("i"))) if self.deflated else self.take("I")

    def take(self, typecode: str) -> "array[int]":
        column = array(typecode)
        size = self.count * column.itemsize
        octets = self.data[self.offset : self.offset + size]
        if len(octets) != size:
            raise BadSegment("cut short")
        self.offset += size
        column.frombytes(self._in_rows(octets, column.itemsize) if self.deflated else octets)
        if _BIG_ENDIAN:
            column.byteswap()
        return column

    def _in_rows(self, octets: bytes, width: int) -> bytes:
        rows = bytearray(len(octets))
        for place in range(width):
            rows[place::width] = octets[place * self.count : (place + 1) * self.count]
        return bytes(rows)
