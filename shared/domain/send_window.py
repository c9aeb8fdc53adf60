"""The hours at which a task may be sent, as instants: by the clock on the wall of a time zone, never outside it. Pure.

Where clocks are put forward or back inside a window it stays open. Where its own beginning or end falls on an hour that
there is not, or is twice, it opens late and shuts early: it may be shorter that day, or missing, and is never longer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from typing_extensions import TypedDict

from shared.domain.identifiers import Instant

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: ``from`` and ``to``: HH:MM; ``to`` may be 24:00. One that ends before it begins ends on the day after, and is that of
#: the day on which it begins.
SendWindow = TypedDict("SendWindow", {"from": str, "to": str, "timezone": str, "days": list[Day]})

_CLOCK: Final = re.compile(r"(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_ZONE: Final = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_LOOKED_AHEAD: Final = 29  #: days: a weekly window that a change of clocks swallowed is there the week after


@dataclass(frozen=True, slots=True)
class Opening:
    """Open at ``opens`` and after, and no more at ``closes``."""

    opens: Instant
    closes: Instant


def fault_in_clock(text: str, *, ends: bool) -> str | None:
    """``ends``: whether a day may be over with it."""
    if _CLOCK.fullmatch(text) and (ends or text != "24:00"):
        return None
    return "must be HH:MM, 00:00 to 24:00" if ends else "must be HH:MM, 00:00 to 23:59"


def fault_in_zone(name: str) -> str | None:
    wrong = "must be a time zone of the IANA database, as Europe/London"
    if not _ZONE.fullmatch(name):
        return wrong
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return wrong
    return None


def in_order(days: Sequence[Day]) -> list[Day]:
    """Each once, from Monday on."""
    return [day for day in DAYS if day in days]


def next_opening(window: SendWindow, now: Instant) -> Opening:
    """The one that is open, else the next. Raises LookupError: this machine does not know the zone."""
    found = next((opening for opening in _openings(window, now) if opening.closes > now), None)
    if found is None:
        raise LookupError(f"the window is never open: {window}")
    return found


def _openings(window: SendWindow, now: Instant) -> Iterator[Opening]:
    """From the one that began yesterday on."""
    zone, days = ZoneInfo(window["timezone"]), frozenset(window["days"])
    begin, end = _minutes(window["from"]), _minutes(window["to"])
    midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for number in range(-1, _LOOKED_AHEAD):
        day = midnight + timedelta(days=number)
        if DAYS[day.weekday()] not in days:
            continue
        opens = max(_instants(day + timedelta(minutes=begin), zone))
        closes = min(_instants(day + timedelta(minutes=end, days=end <= begin), zone))
        if opens < closes:
            yield Opening(opens, closes)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)


def _instants(wall: datetime, zone: ZoneInfo) -> tuple[Instant, Instant]:
    """When a clock on the wall shows this: two moments where it does so twice, or jumps over it."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    return Instant(first), Instant(second)
