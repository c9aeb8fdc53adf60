"""Segments of one producer and kind as one row, and which hits of it were which segment. Pure.

Nothing is lost by it: each hit keeps its time, what was noted and what it shows, and each segment its name, its place,
when it was recorded and its hits in their order. So what was told of it can be told again, in the same words.

They are stored behind a header (format, number of segments), as four columns of int64, little-endian: how far the part
is before the row's own, the position, the number of hits, each as the difference to the one before; and how many
microseconds after its last hit it was recorded. All first octets of a column stand before all second ones; and the
whole is deflated.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from shared.delivery_log.segments import BadSegment, Hits

_HEADER: Final = struct.Struct("<BxxxI")
_FORMAT: Final = 1
_COLUMNS: Final = 4
_WIDTH: Final = 8
LEVEL: Final = 9  #: it is written once and kept for ever


@dataclass(frozen=True, slots=True)
class Original:
    """A segment as it was recorded. ``hits``: how many; its own stand behind those of the one before."""

    part: int
    position: int
    hits: int
    late_us: int  #: microseconds from its last hit until it was recorded

    @staticmethod
    def of(part: int, position: int, hits: Hits, recorded_us: int) -> "Original":
        """``recorded_us``: unix microseconds."""
        return Original(part, position, len(hits), recorded_us - 1000 * max(hits.times, default=0))

    def recorded_us(self, hits: Hits) -> int:
        """``hits``: its own. Unix microseconds."""
        return self.late_us + 1000 * max(hits.times, default=0)


def join_hits(several: Iterable[Hits]) -> Hits:
    """All of them, one after the other, in the order given; equal notes are kept once."""
    ordinals, times, details, evidence = array("I"), array("Q"), array("H"), array("H")
    notes: dict[str, int] = {}
    for hits in several:
        ordinals += hits.ordinals
        times += hits.times
        if hits.notes:
            places = [0, *(notes.setdefault(note, len(notes) + 1) for note in hits.notes)]
            details.extend(places[detail] for detail in hits.details)
        else:
            details += hits.details
        evidence += hits.evidence or array("H", bytes(2 * len(hits)))
    return Hits(ordinals, times, details, tuple(notes), evidence if any(evidence) else array("H"))


def split_hits(joined: Hits, originals: Iterable[Original]) -> Iterator[Hits]:
    """Those of each segment. Their notes are those of all."""
    first = 0
    for original in originals:
        piece = slice(first, first + original.hits)
        yield Hits(
            joined.ordinals[piece], joined.times[piece], joined.details[piece], joined.notes, joined.evidence[piece]
        )
        first = piece.stop


def encode_originals(originals: Sequence[Original]) -> bytes:
    """At least one. The row has the highest of their parts."""
    last = max(original.part for original in originals)
    columns = (
        _differences([last - original.part for original in originals]),
        _differences([original.position for original in originals]),
        _differences([original.hits for original in originals]),
        [original.late_us for original in originals],
    )
    return _HEADER.pack(_FORMAT, len(originals)) + zlib.compress(b"".join(map(_by_octet, columns)), LEVEL)


def decode_originals(data: bytes, part: int) -> list[Original]:
    """``part``: of the row. Raises BadSegment."""
    try:
        form, count = _HEADER.unpack_from(data)
        if form != _FORMAT:
            raise BadSegment(f"format {form} of what was merged")
        octets = zlib.decompress(data[_HEADER.size :])
    except (struct.error, zlib.error) as error:
        raise BadSegment(str(error)) from error
    if len(octets) != _COLUMNS * _WIDTH * count:
        raise BadSegment("cut short")
    size = _WIDTH * count
    columns = [_column(octets[size * place : size * (place + 1)], count) for place in range(_COLUMNS)]
    before, positions, hits = (accumulate(column) for column in columns[:-1])
    return [
        Original(part - back, position, each, late)
        for back, position, each, late in zip(before, positions, hits, columns[-1], strict=True)
    ]


def _differences(column: Sequence[int]) -> list[int]:
    return [value - before for before, value in zip([0, *column[:-1]], column, strict=True)]


def _by_octet(column: Sequence[int]) -> bytes:
    values = array("q", column)
    if sys.byteorder == "big":
        values.byteswap()
    octets = values.tobytes()
    return b"".join(octets[place::_WIDTH] for place in range(_WIDTH))


def _column(octets: bytes, count: int) -> "array[int]":
    rows = bytearray(len(octets))
    for place in range(_WIDTH):
        rows[place::_WIDTH] = octets[place * count : (place + 1) * count]
    values = array("q", bytes(rows))
    if sys.byteorder == "big":
        values.byteswap()
    return values
