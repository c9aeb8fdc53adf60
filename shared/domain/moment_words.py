"""Moments as queries and jobs write them: a date, or so long before or after the moment they are asked at. Pure.

    mm/dd/yyyy      YYYYMMDD      ISO 8601 (no offset: UTC)      unix seconds      now      -30 days      +3 hours
    Wed, 18 Feb 2009 14:19:01 +0000 (RFC 2822)

Eight digits are a date, other numbers unix seconds. A date is its first second, UTC.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

from shared.domain.identifiers import Instant

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Offset:
    """So long after the moment of asking; negative: before it."""

    amount: int
    unit: Unit


When: TypeAlias = datetime | Offset  #: the datetime is UTC

_SECONDS: Final[dict[Unit, int]] = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_MONTHS: Final[dict[Unit, int]] = {"month": 1, "year": 12}
_SHORT: Final[dict[str, Unit]] = {"sec": "second", "min": "minute"}

_OFFSET = re.compile(r"([+-])\s*([0-9]{1,6})\s*([a-z]+?)s?")
_AMERICAN = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_UNIX = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?")
_MAIL = re.compile(
    r"((mon|tue|wed|thu|fri|sat|sun),\s*)?[0-9]{1,2} (jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) [1-9][0-9]{3}"
    r" [0-9]{2}:[0-9]{2}(:[0-9]{2})? ([+-][0-9]{4}|utc?|gmt|z)",
    re.ASCII | re.IGNORECASE,
)

_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


def read_when(given: object) -> When | None:
    """None: it is no moment."""
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return None
    text = str(given).strip()
    try:
        return _read_offset(text.lower()) or _read_date(text)
    except (ValueError, OverflowError):
        return None  # the 30th of February, the year 0


def _read_offset(text: str) -> Offset | None:
    if text == "now":
        return Offset(0, "second")
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    unit = _SHORT.get(found[3], found[3])
    amount = int(found[1] + found[2])
    return next((Offset(amount, known) for known in (*_SECONDS, *_MONTHS) if known == unit), None)


def _read_date(text: str) -> datetime | None:
    if found := _AMERICAN.fullmatch(text):
        return datetime(int(found[3]), int(found[1]), int(found[2]), tzinfo=UTC)
    if found := _DAY.fullmatch(text):
        return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    if _ISO.fullmatch(text):
        return _in_utc(datetime.fromisoformat(text))
    if _MAIL.fullmatch(text):
        return _in_utc(parsedate_to_datetime(text))
    return None


def _in_utc(moment: datetime) -> datetime:
    """What says no offset is UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_when(when: When) -> str:
    """As ``read_when`` reads it back."""
    if isinstance(when, Offset):
        return f"{when.amount:+d} {when.unit}s"
    return when.isoformat()


def moment_of(when: When, now: Instant) -> datetime:
    """``now``: the moment of asking. Never before the year 1 nor after the year 9999."""
    if not isinstance(when, Offset):
        return when
    start = datetime.fromtimestamp(now, UTC)
    try:
        if when.unit in _MONTHS:
            return _months_later(start, when.amount * _MONTHS[when.unit])
        return start + timedelta(seconds=when.amount * _SECONDS[when.unit])
    except (ValueError, OverflowError):
        return _EARLIEST if when.amount < 0 else _LATEST


def _months_later(start: datetime, months: int) -> datetime:
    """The same day of the month, or the last one there is."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
