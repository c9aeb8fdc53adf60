"""Segments of one producer and kind as one row, and which hits of it were which segment. Pure.

Nothing is lost by it: each hit keeps its time, what was noted and what it shows, and each segment its name, its place,
when it was recorded and its hits in their order. So what was told of it can be told again, in the same words.

They are stored behind a header (format, number of segments), as four columns of int64, little-endian, each the
difference to the one before: how far the part is before the row's own, the position, the number of hits, and the
microseconds since the row was recorded. All first octets of a column stand before all second ones; and the whole is
deflated.
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
    recorded_us: int  #: unix microseconds


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
    """At least one. The row has the highest of their parts, and was recorded when the first of them was."""
    last = max(original.part for original in originals)
    recorded = min(original.recorded_us for original in originals)
    columns = (
        [last - original.part for original in originals],
        [original.position for original in originals],
        [original.hits for original in originals],
        [original.recorded_us - recorded for original in originals],
    )
    return _HEADER.pack(_FORMAT, len(originals)) + zlib.compress(b"".join(map(_by_octet, columns)), LEVEL)


def decode_originals(data: bytes, part: int, recorded_us: int) -> list[Original]:
    """``part`` and ``recorded_us``: of the row. Raises BadSegment."""
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
    parts, positions, hits, recorded = (_column(octets[size * n : size * (n + 1)], count) for n in range(_COLUMNS))
    return [
        Original(part - before, position, each, recorded_us + after)
        for before, position, each, after in zip(parts, positions, hits, recorded, strict=True)
    ]


def _by_octet(column: Sequence[int]) -> bytes:
    differences = array("q", (value - before for before, value in zip([0, *column[:-1]], column, strict=True)))
    if sys.byteorder == "big":
        differences.byteswap()
    octets = differences.tobytes()
    return b"".join(octets[place::_WIDTH] for place in range(_WIDTH))


def _column(octets: bytes, count: int) -> list[int]:
    rows = bytearray(len(octets))
    for place in range(_WIDTH):
        rows[place::_WIDTH] = octets[place * count : (place + 1) * count]
    differences = array("q", bytes(rows))
    if sys.byteorder == "big":
        differences.byteswap()
    return list(accumulate(differences))
