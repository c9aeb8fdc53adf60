"""What a tracker's journal holds, as bytes: segments of hits, and wishes to hear no more. Pure.

A record is a fixed head (checksum of the rest, length of the rest) and the rest: its sort, what names it, and of a
segment the hits as the delivery log stores them. A record cut short by a crash ends the journal: nobody was answered
who is in it.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from services.tracker.decisions.read_wish import Wish, Wished
from shared.delivery_log.segments import BadSegment, HitColumns, Segment, decode_hits, encode_hits
from shared.domain.delivery import Kind

Record = Segment | Wished

_HEAD: Final = struct.Struct("<II")
_SEGMENT: Final = struct.Struct("<cqBqII")
_WISHED: Final = struct.Struct("<cqIBQ")
_WISHES: Final[tuple[Wish, ...]] = ("list", "all")  #: a number stands in files: none is given a new meaning


def encode(record: Record) -> bytes:
    if isinstance(record, Wished):
        wish = _WISHES.index(record.wish)
        rest = _WISHED.pack(b"w", record.task_id, record.ordinal, wish, record.time_ms)
    else:
        rest = _SEGMENT.pack(b"s", record.task_id, record.kind, record.batch, record.epoch, record.part)
        rest += encode_hits(record.hits)
    return _HEAD.pack(zlib.crc32(rest), len(rest)) + rest


def decode(data: bytes) -> Iterator[tuple[Record, int]]:
    """The records up to the first that is cut short or damaged, each with the place where it ends."""
    offset = 0
    while offset + _HEAD.size <= len(data):
        checksum, length = _HEAD.unpack_from(data, offset)
        begin = offset + _HEAD.size
        rest = data[begin : begin + length]
        record = _read(rest) if len(rest) == length and zlib.crc32(rest) == checksum else None
        if record is None:
            return
        offset = begin + length
        yield record, offset


def _read(rest: bytes) -> Record | None:
    try:
        if rest[:1] == b"w":
            _, task_id, ordinal, wish, time_ms = _WISHED.unpack(rest)
            return Wished(task_id, ordinal, _WISHES[wish], time_ms)
        _, task_id, kind, batch, epoch, part = _SEGMENT.unpack_from(rest)
        return Segment(task_id, Kind(kind), batch, epoch, part, decode_hits(rest[_SEGMENT.size :]))
    except (struct.error, IndexError, ValueError, BadSegment):
        return None


def only_recipients(segment: Segment, recipients: int) -> Segment | None:
    """Without hits of whom the task does not have; None: nobody is left.

    A token that we signed does not prove its task, and while Postgres was away nobody could ask.
    """
    hits = segment.hits
    if all(ordinal < recipients for ordinal in hits.ordinals):
        return segment
    columns = HitColumns()
    for place, (ordinal, time, detail) in enumerate(zip(hits.ordinals, hits.times, hits.details, strict=True)):
        if ordinal >= recipients:
            continue
        if hits.notes and detail:
            columns.add_noted(ordinal, time, hits.notes[detail - 1])
        else:
            columns.add(ordinal, time, detail, hits.evidence[place] if hits.evidence else 0)
    kept = columns.take()
    return Segment(segment.task_id, segment.kind, segment.batch, segment.epoch, segment.part, kept) if kept else None
