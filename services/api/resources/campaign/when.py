"""The time of a campaign, as requests spell it: unix seconds, or ISO 8601. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from services.api.fields import EARLIEST, LATEST, TEXT, empty_is_null, fault

_WHOLE: Final = re.compile(r"-?[0-9]{1,12}")
#: A date, or date and time in the extended or the basic form.
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?"
    r"|\d{8}T\d{4}(\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAULT: Final = "must be unix seconds as a whole number, or ISO 8601 as in 2026-11-24T09:30:00+01:00"


def read_iso(text: str) -> int | None:
    """Unix seconds, of a fraction the whole second before; without an offset it is UTC. None: that is no time."""
    if not _ISO.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(seconds=1)


def _read(value: object, info: ValidationInfo) -> int | None:
    value = empty_is_null(value, info)
    if value is None:
        return None
    if isinstance(value, str):
        as_number = info.context == TEXT and _WHOLE.fullmatch(value)
        value = int(value) if as_number else read_iso(value)
    if isinstance(value, int) and not isinstance(value, bool) and EARLIEST <= value <= LATEST:
        return value
    raise fault(_FAULT)


_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}, {"type": "null"}],
    "description": "unix seconds or ISO 8601, without an offset in UTC; null in DRAFT only",
}

WhenOrNull = Annotated[int | None, BeforeValidator(_read), WithJsonSchema(_SCHEMA)]
