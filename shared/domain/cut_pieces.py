"""Cuts what was uploaded into pieces of a chunk each, between records. Pure, and in flat memory.

A record is a line, or the lines that a quoted field of CSV goes over. What is longer than a line may be is cut off
there, and seen to be too long by whoever reads the line. Lines end in LF, CRLF or, where the first does, in CR alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_LINE: Final = 65_536  #: bytes
PIECE_LINES: Final = 10_000
PIECE_BYTES: Final = 1_048_576

_FIRST_END: Final = re.compile(rb"\n|\r+(?=[^\r])")


@dataclass(frozen=True, slots=True)
class Piece:
    """``first_line``: the number of its first line in the whole, from 1. ``data``: whole lines."""

    number: int
    first_line: int
    data: bytes


class PieceCutter:
    """``feed`` it whatever comes, then ``finish``: both answer the pieces that are complete."""

    def __init__(self, lines: int = PIECE_LINES, most_bytes: int = PIECE_BYTES) -> None:
        self._most_lines = lines
        self._most_bytes = most_bytes
        self._tail = b""  # of a line whose end has not come yet
        self._lines: list[bytes] = []
        self._size = 0
        self._quoted = False
        self._piece = 0
        self._line = 1
        self._ends_in_cr: bool | None = None  # not known before the first line has ended

    def feed(self, data: bytes) -> Iterator[Piece]:
        *lines, tail = self._with_line_feeds(self._tail + data).split(b"\n")
        for line in lines:
            if (piece := self._take(line)) is not None:
                yield piece
        self._tail = tail
        if len(tail) > LONGEST_LINE:
            self._tail = tail[: LONGEST_LINE + 1]

    def finish(self) -> Iterator[Piece]:
        if self._tail and (piece := self._take(self._tail)) is not None:
            yield piece
        self._tail = b""
        if self._lines:
            yield self._cut()

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._ends_in_cr is None and (end := _FIRST_END.search(data)):
            self._ends_in_cr = end[0] != b"\n" and data[end.end()] != ord("\n")
        return data.replace(b"\r", b"\n") if self._ends_in_cr else data

    def _take(self, line: bytes) -> Piece | None:
        self._lines.append(line[: LONGEST_LINE + 1])
        self._size += len(self._lines[-1]) + 1
        if line.count(b'"') % 2:
            self._quoted = not self._quoted
        if len(self._lines) < self._most_lines and self._size < self._most_bytes:
            return None
        # A quote that nobody closes must not gather the whole upload.
        if self._quoted and len(self._lines) < 2 * self._most_lines and self._size < 2 * self._most_bytes:
            return None
        return self._cut()

    def _cut(self) -> Piece:
        piece = Piece(self._piece, self._line, b"".join(line + b"\n" for line in self._lines))
        self._piece += 1
        self._line += len(self._lines)
        self._lines, self._size, self._quoted = [], 0, False
        return piece


def cut_pieces(data: bytes) -> list[Piece]:
    """All of them, of what is there as a whole."""
    cutter = PieceCutter()
    return [*cutter.feed(data), *cutter.finish()]
