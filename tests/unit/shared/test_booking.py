"""Bookings: what follows from a wish, given what happened before."""

from datetime import date

import pytest

from shared.domain.booking import (
    AddBooking,
    BookingAdded,
    BookingChanged,
    BookingRemoved,
    ChangeBooking,
    Event,
    RemoveBooking,
    decide,
    read_day,
    replay,
    write_day,
)
from shared.domain.identifiers import AccountId, BookingId, Instant
from shared.domain.refusal import Refused

NOON = Instant(43_200.0)
ADDED = BookingAdded(BookingId(1), AccountId(7), "a", "20261101", "20261130", 5, NOON)
ADD = AddBooking(BookingId(1), AccountId(7), "a", "20261101", "20261130", 5)


@pytest.mark.parametrize(
    ("history", "command", "follows"),
    [
        pytest.param([], ADD, [ADDED], id="a new one"),
        pytest.param([ADDED], ADD, [], id="the same again"),
        pytest.param([ADDED], ChangeBooking(frozenset({"name"}), name="a"), [], id="no change"),
        pytest.param(
            [ADDED],
            ChangeBooking(frozenset({"end_date"}), end_date="20261101"),
            [BookingChanged("a", "20261101", "20261101", 5)],
            id="what is named changes",
        ),
        pytest.param([ADDED], RemoveBooking(), [BookingRemoved(NOON)], id="removed"),
    ],
)
def test_a_wish_has_its_events(
    history: list[Event], command: AddBooking | ChangeBooking | RemoveBooking, follows: list[Event]
) -> None:
    assert decide(replay(history), command, NOON) == follows


@pytest.mark.parametrize(
    ("history", "command", "because"),
    [
        ([], AddBooking(BookingId(1), AccountId(7), "a", "20261102", "20261101", 5), "invalid"),
        ([ADDED], ChangeBooking(frozenset({"start_date"}), start_date="20261201"), "invalid"),
        ([], RemoveBooking(), "not found"),
        ([ADDED, BookingRemoved(NOON)], ChangeBooking(frozenset()), "not found"),
    ],
    ids=["an end before its start", "a start behind its end", "nothing there", "removed before"],
)
def test_what_cannot_be_is_refused(
    history: list[Event], command: AddBooking | ChangeBooking | RemoveBooking, because: str
) -> None:
    refused = decide(replay(history), command, NOON)

    assert isinstance(refused, Refused)
    assert refused.because == because


@pytest.mark.parametrize("text", ["", "2026-11-1", "20261131", "00000101", "202611011", "٢٠٢٦١١٠١", "2026110 "])
def test_what_is_no_day_is_none(text: str) -> None:
    assert read_day(text) is None


@pytest.mark.parametrize("day", [date(1, 1, 1), date(2028, 2, 29), date(9999, 12, 31)], ids=str)
def test_a_day_is_read_as_it_was_written(day: date) -> None:
    assert read_day(write_day(day)) == day


def test_what_was_changed_is_what_the_booking_then_is() -> None:
    found = replay([ADDED, BookingChanged("b", "20261102", "20261103", 9)])

    assert (found.name, found.start_date, found.end_date, found.impressions_per_day) == ("b", "20261102", "20261103", 9)
