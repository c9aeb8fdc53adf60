"""Reads the lines of an import or an update: who each is about, and what of it cannot be read. Pure.

Lines are addresses, objects of JSON, or CSV behind a header row. A line that cannot be read keeps no other from being.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from shared.domain.addresses import read_email, read_telephone
from shared.domain.cut_pieces import LONGEST_LINE
from shared.domain.profile_update import NO_UPDATE, ProfileUpdate, read_update
from shared.domain.refusal import Fault
from shared.domain.subscriber_vars import fault_in_name, fault_in_vars

EMAIL: Final = "email"
TELEPHONE: Final = "telephone"

MOST_LINES_OF_ROW: Final = 100  #: of CSV: a quote that nobody closes swallows no others

_DELIMITERS: Final = (",", ";", "\t")
_BOM: Final = "\ufeff"
_NO_EMAIL: Final = "is not an email address"


@dataclass(frozen=True, slots=True)
class Columns:
    """Of a header row. ``names``: one a column, empty: it is ignored."""

    names: tuple[str, ...]
    delimiter: str


@dataclass(slots=True)
class PersonLine:
    """What one line says. ``update``: None where it says nothing but who it is."""

    line: int
    email: str | None
    telephone: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    update: ProfileUpdate | None = None


@dataclass(slots=True)
class ReadLines:
    """``rows``: lines with something on them, the header apart. ``faults``: (line, what is wrong)."""

    rows: int = 0
    people: list[PersonLine] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def blame(self, line: int, message: str) -> None:
        self.faults.append((line, message))


def read_header(piece: bytes) -> Columns | str | None:
    """``piece``: the first. None: its first line is no header, as it names no column ``email``; a text: what is wrong
    with it.
    """
    first = piece.partition(b"\n")[0].decode("utf-8", "replace").removeprefix(_BOM).strip()
    for delimiter in _DELIMITERS:
        try:
            names = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
        except csv.Error:
            continue
        known = [name.lower() if name.lower() in (EMAIL, TELEPHONE) else name for name in names]
        if EMAIL in known:
            return _checked(known, delimiter)
    return None


def _checked(names: Sequence[str], delimiter: str) -> Columns | str:
    given = [name for name in names if name]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        return f"the header names {twice[0]!r} twice"
    for number, name in enumerate(names, start=1):
        if name and (problem := fault_in_name(name)):
            return f"the name of column {number} {problem}"
    return Columns(tuple(names), delimiter)


def read_addresses(piece: bytes, first_line: int) -> ReadLines:
    """An address a line."""
    read = ReadLines()
    for line, text in _lines(piece, first_line, read):
        read.rows += 1
        email = read_email(text)
        if isinstance(email, str):
            read.people.append(PersonLine(line, email))
        else:
            read.blame(line, _NO_EMAIL)
    return read


def read_csv(piece: bytes, first_line: int, columns: Columns) -> ReadLines:
    """``first_line`` 1: the first row is the header."""
    read = ReadLines()
    lines = dict(_lines(piece, first_line, read, keep_blank=True))
    texts = _Texts(lines, first_line, first_line + piece.count(b"\n"))
    rows = csv.reader(texts, delimiter=columns.delimiter)
    while True:
        begins = texts.begin_row()
        try:
            cells = next(rows)
        except StopIteration:
            return read
        except _NeverClosed:
            read.rows += 1
            read.blame(begins, "has a quote that is not closed")
            texts.begin_row(begins + 1)
            continue
        except csv.Error:
            read.rows += 1
            read.blame(begins, "is no row of CSV")
            continue
        if begins == 1 or not any(cells):
            continue
        read.rows += 1
        _read_row(read, begins, cells, columns)


class _NeverClosed(Exception):
    """The quoted cell of a row goes on over more lines than it may, or than there are."""


class _Texts:
    """One line after the other, those that cannot be read left empty: so that every line has its number."""

    def __init__(self, lines: Mapping[int, str], first: int, end: int) -> None:
        self._lines, self._next, self._begins, self._end = lines, first, first, end

    def begin_row(self, line: int | None = None) -> int:
        """``line``: None: where the last row has ended."""
        self._begins = self._next = self._next if line is None else line
        return self._begins

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        taken = self._next - self._begins
        if taken and (self._next == self._end or taken == MOST_LINES_OF_ROW):
            raise _NeverClosed
        if self._next == self._end:
            raise StopIteration
        self._next += 1
        return self._lines.get(self._next - 1, "") + "\n"


def _read_row(read: ReadLines, line: int, cells: Sequence[str], columns: Columns) -> None:
    if len(cells) > len(columns.names):
        read.blame(line, "has more cells than the header")
        return
    given = {name: cell.strip() for name, cell in zip(columns.names, cells, strict=False) if name and cell.strip()}
    email, telephone = given.pop(EMAIL, None), given.pop(TELEPHONE, None)
    address = read_email(email) if email else None
    number = read_telephone(telephone) if telephone else None
    if isinstance(address, Fault):
        read.blame(line, f"email: {_NO_EMAIL}")
    if isinstance(number, Fault):
        read.blame(line, f"telephone: {number.message}")
    if address is None and number is None:
        read.blame(line, "has neither email nor telephone")
    if problem := fault_in_vars(given):
        read.blame(line, f"vars: {problem}")
    elif isinstance(address, str | None) and isinstance(number, str | None) and (address or number):
        read.people.append(PersonLine(line, address, number, given))


def read_updates(piece: bytes, first_line: int) -> ReadLines:
    """An address a line, or an object of JSON that has one and says what is to become of it."""
    read = ReadLines()
    for line, text in _lines(piece, first_line, read):
        read.rows += 1
        if text.startswith("{"):
            _read_object(read, line, text)
            continue
        email = read_email(text)
        if isinstance(email, str):
            read.people.append(PersonLine(line, email))
        else:
            read.blame(line, _NO_EMAIL)
    return read


def _read_object(read: ReadLines, line: int, text: str) -> None:
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError:
        read.blame(line, "is not JSON")
        return
    email = given.pop(EMAIL, None)
    if email is None and given.get("key") == EMAIL:  # some clients name people so
        email = given.pop("id", None)
        del given["key"]
    address = read_email(email) if isinstance(email, str) else None
    update = read_update(given)
    if not isinstance(address, str):
        read.blame(line, "has no email" if email is None else f"email: {_NO_EMAIL}")
    if isinstance(update, list):
        for fault in update:
            read.blame(line, f"{fault.field}: {fault.message}")
    elif isinstance(address, str):
        read.people.append(PersonLine(line, address, update=update if update != NO_UPDATE else None))


def _lines(piece: bytes, first_line: int, read: ReadLines, *, keep_blank: bool = False) -> Iterator[tuple[int, str]]:
    """Those that can be read, without what surrounds them; the others are blamed."""
    try:
        texts: Sequence[str | None] = piece.decode().split("\n")
    except UnicodeDecodeError:
        texts = [_decoded(line) for line in piece.split(b"\n")]
    for line, text in enumerate(texts[:-1], start=first_line):
        if text is None or len(text) > LONGEST_LINE:
            read.rows += 1
            read.blame(line, "is not UTF-8" if text is None else f"is longer than {LONGEST_LINE} bytes")
            continue
        found = text.removeprefix(_BOM) if line == 1 else text
        found = found.rstrip("\r") if keep_blank else found.strip()
        if found or keep_blank:
            yield line, found


def _decoded(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None
