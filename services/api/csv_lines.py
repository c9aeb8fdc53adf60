"""Rows as CSV (RFC 4180) that a spreadsheet only shows."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

_RUNNABLE: Final = ("=", "+", "-", "@", "\t", "\r")
_TELEPHONE: Final = re.compile(r"\+[0-9]+")


def csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[neutral(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def neutral(value: object) -> object:
    """A cell that no spreadsheet runs: an apostrophe before what looks like a formula. A telephone number is none."""
    if isinstance(value, str) and value.startswith(_RUNNABLE) and not _TELEPHONE.fullmatch(value):
        return "'" + value
    return value
