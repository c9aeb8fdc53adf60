"""Contact records in the form a client accepts: a JSON array, one JSON object a line, or CSV (RFC 4180)."""

from collections.abc import AsyncIterator
from typing import Final

import orjson

from services.api.resources.task.schema import ContactAnswer
from services.api.resources.task.select_contacts import EVENT_KINDS
from shared.domain.csv_lines import csv_lines
from shared.domain.identifiers import Channel

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
MEDIA: Final = (JSON, NDJSON, CSV)

Pieces = AsyncIterator[list[ContactAnswer]]


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
    yield csv_lines([columns])
    async for piece in pieces:
        yield csv_lines([[line.get(column) for column in columns] for line in piece])
