"""Contact records in the form a client accepts: a JSON array, one JSON object a line, or CSV (RFC 4180)."""

import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from typing import Final

import orjson

from services.api.resources.task.schema import ContactAnswer
from services.api.resources.task.select_contacts import EVENT_KINDS
from shared.domain.identifiers import Channel

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
MEDIA: Final = (JSON, NDJSON, CSV)

Pieces = AsyncIterator[list[ContactAnswer]]

_RUNNABLE: Final = ("=", "+", "-", "@", "\t", "\r")
_TELEPHONE: Final = re.compile(r"\+[0-9]+")


async def as_json(pieces: Pieces) -> AsyncIterator[bytes]:
    opening = b"["
    async for piece in pieces:
        if piece:
            yield opening + orjson.dumps(piece)[1:-1]
            opening = b","
    yield b"]" if opening == b"," else b"[]"


async def as_ndjson(pieces: Pieces) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in piece)


async def as_csv(pieces: Pieces, channel: Channel) -> AsyncIterator[bytes]:
    address = "email" if channel == "email" else "telephone"
    columns = ("ordinal", "subscriber_id", address, "state", "reason", "in_doubt", *EVENT_KINDS)
    yield _csv_lines([columns])
    async for piece in pieces:
        yield _csv_lines([[neutral(line.get(column)) for column in columns] for line in piece])


def _csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def neutral(value: object) -> object:
    """A cell that no spreadsheet runs: an apostrophe before what looks like a formula. A telephone number is none."""
    if isinstance(value, str) and value.startswith(_RUNNABLE) and not _TELEPHONE.fullmatch(value):
        return "'" + value
    return value
