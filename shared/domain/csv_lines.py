"""Rows as CSV (RFC 4180) that a spreadsheet only shows. Pure."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

#: As they are, and as wide as a Chinese character, which a spreadsheet takes for the same.
_RUNNABLE: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_TELEPHONE: Final = re.compile(r"\+[0-9]+")


def csv_lines(rows: Sequence[Sequence[object]], end: str = "\r\n") -> bytes:
    """``end``: of a line; Postgres writes a single line feed."""
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([[neutral(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def neutral(value: object) -> object:
    """A cell that no spreadsheet runs: an apostrophe before what looks like a formula. A telephone number is none."""
    if isinstance(value, str) and value.startswith(_RUNNABLE) and not _TELEPHONE.fullmatch(value):
        return "'" + value
    return value
