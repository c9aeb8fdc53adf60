"""A send window as instants: right on every day of the year in every zone, and never open outside its hours."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.identifiers import Instant
from shared.domain.send_window import DAYS, Day, SendWindow, fault_in_clock, fault_in_zone, in_order, next_opening

WORKDAYS: list[Day] = ["mon", "tue", "wed", "thu", "fri"]
EVERY_DAY = list(DAYS)


def window(begin: str, end: str, zone: str = "Europe/London", days: list[Day] = EVERY_DAY) -> SendWindow:
    return {"from": begin, "to": end, "timezone": zone, "days": days}


def at(text: str) -> Instant:
    """An instant, written with its offset."""
    return Instant(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("terms", "now", "opens", "closes"),
    [
        pytest.param(
            window("09:00", "17:00"), "2026-11-24T08:00+00:00", "2026-11-24T09:00+00:00", "2026-11-24T17:00+00:00",
            id="before it opens",
        ),
        pytest.param(
            window("09:00", "17:00"), "2026-11-24T12:00+00:00", "2026-11-24T09:00+00:00", "2026-11-24T17:00+00:00",
            id="while it is open",
        ),
        pytest.param(
            window("09:00", "17:00"), "2026-11-24T17:00+00:00", "2026-11-25T09:00+00:00", "2026-11-25T17:00+00:00",
            id="at its end it is shut",
        ),
        pytest.param(
            window("09:00", "17:00", days=WORKDAYS), "2026-11-27T18:00+00:00", "2026-11-30T09:00+00:00",
            "2026-11-30T17:00+00:00", id="over a weekend",
        ),
        pytest.param(
            window("22:00", "06:30", days=["fri"]), "2026-11-28T01:00+00:00", "2026-11-27T22:00+00:00",
            "2026-11-28T06:30+00:00", id="over midnight it is of the day on which it began",
        ),
        pytest.param(
            window("22:00", "06:30", days=["fri"]), "2026-11-28T22:00+00:00", "2026-12-04T22:00+00:00",
            "2026-12-05T06:30+00:00", id="and on no other",
        ),
        pytest.param(
            window("00:00", "24:00", days=["tue"]), "2026-11-24T12:00+00:00", "2026-11-24T00:00+00:00",
            "2026-11-25T00:00+00:00", id="a whole day",
        ),
        pytest.param(
            window("09:00", "17:00", "America/New_York"), "2026-07-01T00:00+00:00", "2026-07-01T09:00-04:00",
            "2026-07-01T17:00-04:00", id="by the clock of its zone",
        ),
        pytest.param(
            window("09:00", "17:00"), "2026-03-29T00:00+00:00", "2026-03-29T09:00+01:00", "2026-03-29T17:00+01:00",
            id="on the day on which clocks go forward",
        ),
        pytest.param(
            window("00:30", "04:00"), "2026-10-25T00:00+01:00", "2026-10-25T00:30+01:00", "2026-10-25T04:00+00:00",
            id="an hour longer where that is in it twice",
        ),
        pytest.param(
            window("01:30", "05:00"), "2026-10-25T00:00+01:00", "2026-10-25T01:30+00:00", "2026-10-25T05:00+00:00",
            id="it opens when its hour comes the second time",
        ),
        pytest.param(
            window("22:00", "01:30"), "2026-10-24T23:00+01:00", "2026-10-24T22:00+01:00", "2026-10-25T01:30+01:00",
            id="and shuts when it comes the first time",
        ),
        pytest.param(
            window("01:15", "01:45", days=["sun"]), "2026-03-29T00:00+00:00", "2026-04-05T01:15+01:00",
            "2026-04-05T01:45+01:00", id="an hour that there is not",
        ),
    ],
)  # fmt: skip
def test_when_it_opens(terms: SendWindow, now: str, opens: str, closes: str) -> None:
    opening = next_opening(terms, at(now))

    assert (opening.opens, opening.closes) == (at(opens), at(closes))


CLOCKS = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
ZONES = st.sampled_from(
    ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"]
)
SOME_DAYS = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)
MOMENTS = st.floats(at("2026-01-01T00:00+00:00"), at("2028-01-01T00:00+00:00"))


@given(CLOCKS, CLOCKS, ZONES, SOME_DAYS, MOMENTS, st.floats(0, 0.99999))
def test_it_is_never_open_outside_its_hours(
    begin: str, end: str, zone: str, days: list[Day], now: float, part: float
) -> None:
    """At any instant of an opening the clock on the wall is within, and the day it began on is one of its days."""
    opening = next_opening(window(begin, end, zone, days), Instant(now))

    assert opening.opens < opening.closes
    assert opening.closes > now
    within = opening.opens + part * (opening.closes - opening.opens)
    wall = datetime.fromtimestamp(within, ZoneInfo(zone))
    clock = wall.strftime("%H:%M")
    assert begin <= clock < end if begin < end else clock >= begin or clock < end
    began = wall - timedelta(days=1) if end <= begin and clock < begin else wall
    assert DAYS[began.weekday()] in days


@given(CLOCKS, CLOCKS, ZONES, MOMENTS)
def test_it_opens_within_a_day_or_two(begin: str, end: str, zone: str, now: float) -> None:
    """Every day there is one, but for a day on which its hour is missing."""
    assert next_opening(window(begin, end, zone), Instant(now)).opens < now + 2 * 86_400 + 7_200


@pytest.mark.parametrize(
    "text", ["9:00", "24:00", "12:60", "12", "", "12:00:00", "１２:00", "-1:00", "ab:cd", "12:00\n"]
)
def test_what_is_no_time_of_day(text: str) -> None:
    assert fault_in_clock(text, ends=False)


def test_a_day_may_be_over_with_24_00() -> None:
    assert fault_in_clock("24:00", ends=True) is None
    assert fault_in_clock("00:00", ends=False) is None
    assert fault_in_clock("25:00", ends=True)


@pytest.mark.parametrize(
    "name", ["", "Europe/Nowhere", "Europe", "../UTC", "/etc/passwd", "+01:00", "X" * 300, "UTC\x00"]
)
def test_what_is_no_time_zone(name: str) -> None:
    assert fault_in_zone(name)


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    """Whatever it is, it is taken or it is told what is wrong."""
    if fault_in_zone(text) is None:
        assert ZoneInfo(text).key == text
    if fault_in_clock(text, ends=True) is None:
        assert next_opening(window("00:00", text), Instant(0.0)).closes > 0


def test_days_are_told_in_their_order() -> None:
    assert in_order(["sun", "mon", "sun"]) == ["mon", "sun"]


def test_an_unknown_zone_is_told() -> None:
    """The machine that reckons may know fewer than the one that took it."""
    with pytest.raises(LookupError):
        next_opening(window("09:00", "17:00", "Europe/Nowhere"), Instant(0.0))


def test_a_window_without_days_is_never_open() -> None:
    with pytest.raises(LookupError, match="never open"):
        next_opening(window("09:00", "17:00", days=[]), at("2026-11-24T08:00+00:00"))


@pytest.mark.parametrize("zone", ["Europe/London", "UTC", "America/Argentina/Ushuaia"])
def test_a_zone_of_the_database_is_no_fault(zone: str) -> None:
    assert fault_in_zone(zone) is None
