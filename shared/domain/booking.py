"""One booking of advertising: so many impressions on each day of a range. Pure.

Days are texts, YYYYMMDD, UTC: they sort as they follow each other.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from typing import Final, assert_never

from shared.domain.identifiers import AccountId, BookingId, Instant
from shared.domain.refusal import Fault, Refused

_DAY: Final = re.compile(r"[0-9]{8}")


@dataclass(frozen=True, slots=True)
class AddBooking:
    booking_id: BookingId
    account_id: AccountId
    name: str
    start_date: str
    end_date: str
    impressions_per_day: int


@dataclass(frozen=True, slots=True)
class ChangeBooking:
    """Only what is named in ``fields`` is wanted."""

    fields: frozenset[str]
    name: str = ""
    start_date: str = ""
    end_date: str = ""
    impressions_per_day: int = 0


@dataclass(frozen=True, slots=True)
class RemoveBooking:
    pass


Command = AddBooking | ChangeBooking | RemoveBooking


@dataclass(frozen=True, slots=True)
class BookingAdded:
    booking_id: BookingId
    account_id: AccountId
    name: str
    start_date: str
    end_date: str
    impressions_per_day: int
    at: Instant


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """The values after the change."""

    name: str
    start_date: str
    end_date: str
    impressions_per_day: int


@dataclass(frozen=True, slots=True)
class BookingRemoved:
    at: Instant


Event = BookingAdded | BookingChanged | BookingRemoved


@dataclass(frozen=True, slots=True)
class Booking:
    booking_id: BookingId = BookingId(0)
    account_id: AccountId = AccountId(0)
    name: str = ""
    start_date: str = ""
    end_date: str = ""
    impressions_per_day: int = 0
    cdate: Instant = Instant(0.0)
    removed: bool = False


def read_day(text: str) -> date | None:
    """None: there is no such day."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def write_day(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def decide(booking: Booking, command: Command, now: Instant) -> list[Event] | Refused:
    match command:
        case AddBooking(booking_id, account_id, name, start_date, end_date, impressions):
            if booking.booking_id:
                return []
            added = BookingAdded(booking_id, account_id, name, start_date, end_date, impressions, now)
            return _refusal(start_date, end_date) or [added]
        case _ if not booking.booking_id or booking.removed:
            return Refused.not_found("there is no such booking")
        case ChangeBooking():
            return _change(booking, command)
        case RemoveBooking():
            return [BookingRemoved(now)]
        case _:
            assert_never(command)


def _change(booking: Booking, wish: ChangeBooking) -> list[Event] | Refused:
    before = BookingChanged(booking.name, booking.start_date, booking.end_date, booking.impressions_per_day)
    after = replace(before, **{name: getattr(wish, name) for name in wish.fields})
    if after == before:
        return []
    return _refusal(after.start_date, after.end_date) or [after]


def _refusal(start_date: str, end_date: str) -> Refused | None:
    return Refused.invalid(Fault("end_date", "must not be before start_date")) if end_date < start_date else None


def evolve(booking: Booking, event: Event) -> Booking:
    match event:
        case BookingAdded(booking_id, account_id, name, start_date, end_date, impressions, at):
            return Booking(booking_id, account_id, name, start_date, end_date, impressions, at)
        case BookingChanged(name, start_date, end_date, impressions):
            return replace(
                booking, name=name, start_date=start_date, end_date=end_date, impressions_per_day=impressions
            )
        case BookingRemoved():
            return replace(booking, removed=True)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Booking:
    return reduce(evolve, history, Booking())
