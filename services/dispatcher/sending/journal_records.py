"""What the sending journal holds, as bytes, and what a journal says about a batch. Pure.

A record is a fixed head (checksum of the rest, kind, code, task, batch, epoch, ordinal, time in unix ms, length of
the note) and a note. A record cut short by a crash ends the journal: it was the last thing written.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from pyroaring import BitMap

from services.dispatcher.channels.interface import OutcomeKind

_CRC = struct.Struct("<I")
_REST = struct.Struct("<BHQQIIQH")
_HEAD = _CRC.size + _REST.size
_NOTE_LIMIT = 500


class Mark(IntEnum):
    DOT = 1  #: the final dot is about to be written
    ACCEPTED = 2
    REFUSED = 3  #: permanently, for this recipient
    DEFERRED = 4
    NOT_TAKEN = 5  #: not taken, without a word against the recipient; free to send again
    SETTLED = 6  #: the whole hold is in the database


#: What is noted of an outcome; of one in doubt nothing, its dot was.
MARKS: Final[Mapping[OutcomeKind, Mark]] = {
    OutcomeKind.ACCEPTED: Mark.ACCEPTED,
    OutcomeKind.REFUSED: Mark.REFUSED,
    OutcomeKind.DEFERRED: Mark.DEFERRED,
    OutcomeKind.UNSENT: Mark.NOT_TAKEN,
    OutcomeKind.BLOCKED: Mark.NOT_TAKEN,
}


class Record(NamedTuple):
    mark: Mark
    task_id: int
    batch: int
    epoch: int
    ordinal: int
    time_ms: int
    code: int = 0
    note: str = ""  #: as the delivery log keeps it: the code stands in it, too


@dataclass(frozen=True, slots=True)
class Hold:
    """One process's hold on one batch: an epoch of it."""

    task_id: int
    batch: int
    epoch: int


@dataclass(slots=True)
class Findings:
    """What a journal says of one hold. ``doubtful``: a dot and no reply."""

    replies: dict[int, Record] = field(default_factory=dict)
    doubtful: BitMap = field(default_factory=BitMap)


def encode(record: Record) -> bytes:
    mark, task_id, batch, epoch, ordinal, time_ms, code, note = record
    octets = note.encode()[:_NOTE_LIMIT]
    rest = _REST.pack(mark, code, task_id, batch, epoch, ordinal, time_ms, len(octets)) + octets
    return _CRC.pack(zlib.crc32(rest)) + rest


def decode(data: bytes) -> Iterator[Record]:
    """The records up to the first that is cut short or damaged."""
    return (record for record, _ in _walk(data))


def sound_octets(data: bytes) -> bytes:
    """Without what is cut short or damaged, and whatever stands behind it."""
    return data[: max((end for _, end in _walk(data)), default=0)]


def _walk(data: bytes) -> Iterator[tuple[Record, int]]:
    """Each record and where it ends."""
    offset = 0
    while offset + _HEAD <= len(data):
        (checksum,) = _CRC.unpack_from(data, offset)
        mark, code, task_id, batch, epoch, ordinal, time_ms, length = _REST.unpack_from(data, offset + _CRC.size)
        end = offset + _HEAD + length
        rest = data[offset + _CRC.size : end]
        if len(rest) != _REST.size + length or zlib.crc32(rest) != checksum:
            return
        note = rest[_REST.size :].decode(errors="replace")
        yield Record(Mark(mark), task_id, batch, epoch, ordinal, time_ms, code, note), end
        offset = end


def find_all(data: bytes, since_ms: int) -> dict[Hold, Findings]:
    """As ``find``, and of holds that were settled as well: the store may have lost that. From ``since_ms`` on."""
    found: dict[Hold, Findings] = {}
    for record in decode(data):
        if record.mark is not Mark.SETTLED and record.time_ms >= since_ms:
            _take(record, found.setdefault(Hold(record.task_id, record.batch, record.epoch), Findings()))
    return found


def find(data: bytes) -> dict[Hold, Findings]:
    """What the journal says of each hold that was not settled. Of several marks for one ordinal the last one counts."""
    found: dict[Hold, Findings] = {}
    for record in decode(data):
        hold = Hold(record.task_id, record.batch, record.epoch)
        if record.mark is Mark.SETTLED:
            found.pop(hold, None)
            continue
        _take(record, found.setdefault(hold, Findings()))
    return found


def _take(record: Record, findings: Findings) -> None:
    if record.mark is Mark.DOT:
        findings.doubtful.add(record.ordinal)
        findings.replies.pop(record.ordinal, None)
    else:
        findings.doubtful.discard(record.ordinal)
        findings.replies[record.ordinal] = record
