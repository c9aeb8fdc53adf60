"""Moments as people write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.identifiers import Instant
from shared.domain.moment_words import Offset, When, moment_of, read_when, write_when

NOW = Instant(datetime(2026, 3, 31, 12, 0, tzinfo=UTC).timestamp())


def at(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day and so on


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("12/31/2025", at(2025, 12, 31)),
        ("1/2/2026", at(2026, 1, 2)),
        ("20120901", at(2012, 9, 1)),
        (20120901, at(2012, 9, 1)),
        ("2026-01-02", at(2026, 1, 2)),
        ("2026-01-02T03:04:05", at(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02 03:04", at(2026, 1, 2, 3, 4)),
        ("2026-01-02T03:04:05Z", at(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02T03:04:05+02:00", at(2026, 1, 2, 1, 4, 5)),
        (1234966741, at(2009, 2, 18, 14, 19, 1)),
        ("1234966741", at(2009, 2, 18, 14, 19, 1)),
        (1234966741.5, at(2009, 2, 18, 14, 19, 1, 500_000)),
        (0, at(1970, 1, 1)),
        ("Wed, 18 Feb 2009 14:19:01 +0000", at(2009, 2, 18, 14, 19, 1)),
        ("Wed, 18 Feb 2009 15:19:01 +0100", at(2009, 2, 18, 14, 19, 1)),
        ("18 feb 2009 14:19 GMT", at(2009, 2, 18, 14, 19)),
        ("Wed, 18 Feb 2009 14:19:01 -0000", at(2009, 2, 18, 14, 19, 1)),
    ],
)
def test_a_date_is_its_first_second_in_utc(given: object, moment: datetime) -> None:
    assert read_when(given) == moment


@pytest.mark.parametrize(
    ("given", "offset", "moment"),
    [
        ("now", Offset(0, "second"), at(2026, 3, 31, 12)),
        ("-30 days", Offset(-30, "day"), at(2026, 3, 1, 12)),
        ("-1 day", Offset(-1, "day"), at(2026, 3, 30, 12)),
        ("+3 hours", Offset(3, "hour"), at(2026, 3, 31, 15)),
        ("- 2 WEEKS", Offset(-2, "week"), at(2026, 3, 17, 12)),
        ("+90 secs", Offset(90, "second"), at(2026, 3, 31, 12, 1, 30)),
        ("-5 min", Offset(-5, "minute"), at(2026, 3, 31, 11, 55)),
        ("-1 month", Offset(-1, "month"), at(2026, 2, 28, 12)),
        ("+1 year", Offset(1, "year"), at(2027, 3, 31, 12)),
        ("-999999 years", Offset(-999999, "year"), datetime.min.replace(tzinfo=UTC)),
        ("+999999 weeks", Offset(999999, "week"), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_an_offset_is_from_the_moment_of_asking(given: str, offset: Offset, moment: datetime) -> None:
    """A month has the same day, or the last one there is; nothing goes beyond the years that there are."""
    assert read_when(given) == offset
    assert moment_of(offset, NOW) == moment


@pytest.mark.parametrize(
    "given",
    [
        *("", "soon", "30 days", "-30", "- days", "-30 fortnights", "-1 dayss", "--1 day", "13/01/2026", "2/30/2026"),
        *("20121301", "2026-02-30", "2026-13-01", "0001-01-01T00:00:00+10:00", "2026-01-02T25:00", "1e9", "9" * 13),
        *("Mon, 30 Feb 2009 14:19:01 +0000", "18 Feb 2009", "1 Jan 0001 00:00:00 +1000", "18 Feb 2009 14:19:01 +9900"),
        *(True, None, [], {}, -1, float("inf"), float("nan"), 1e300),
    ],
)  # fmt: skip
def test_what_is_no_moment(given: object) -> None:
    assert read_when(given) is None


moments: st.SearchStrategy[When] = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.builds(
        Offset,
        st.integers(-999_999, 999_999),
        st.sampled_from(("second", "minute", "hour", "day", "week", "month", "year")),
    ),
)


@given(moments)
def test_what_is_written_is_read_back(when: When) -> None:
    assert read_when(write_when(when)) == when


@given(st.text() | st.floats() | st.integers())
def test_nothing_breaks_the_reader(given: object) -> None:
    when = read_when(given)

    assert when is None or moment_of(when, NOW).tzinfo is UTC
