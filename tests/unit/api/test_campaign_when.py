"""The time of a campaign, as ISO 8601: whatever is a time is read to the second, and whatever is none is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.resources.campaign.when import read_iso

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
UTC_TIMES = st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000).map(
    lambda microseconds: EPOCH + timedelta(microseconds=microseconds)
)
TIMES = st.builds(datetime.astimezone, UTC_TIMES, ZONES)


@given(moment=TIMES, text=st.sampled_from(("T", " ", "t")), basic=st.booleans())
def test_every_time_is_read_to_its_second(moment: datetime, text: str, basic: bool) -> None:
    """In whatever spelling, at whatever offset, before and after 1970."""
    spelt = moment.isoformat(sep="T")
    if basic:
        date, clock = moment.strftime("%Y%m%d").zfill(8), moment.strftime("T%H%M%S%z")
        spelt, moment = date + clock, moment.replace(microsecond=0)
    else:
        spelt = spelt.replace("T", text)

    assert read_iso(spelt) == (moment - EPOCH) // timedelta(seconds=1)


@given(moment=UTC_TIMES)
def test_without_an_offset_it_is_utc(moment: datetime) -> None:
    bare = moment.isoformat().removesuffix("+00:00")

    assert read_iso(bare) == read_iso(f"{bare}Z") == read_iso(moment.isoformat())


@given(text=st.one_of(st.text(), st.text("0123456789-+:TZ. ,W", max_size=30)))
def test_no_text_is_too_much_for_it(text: str) -> None:
    found = read_iso(text)

    assert found is None or abs(found) < 10**12


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "1700000000", "20261124", "2026-W48-2", "2026-328", "2026-11", "12:00", "2026-11-24T"),
        *("2026-13-01", "2026-11-24T25:00", "2026-11-24T23:59:60Z", "2026-11-24T24:00", "2026-11-24T12"),
        *("2026-11-24T12:00+24:00", "2026-11-24T12:00 01:00", "2026-11-24Z", "2026-11-24T12:00Zx", "٢٠٢٦-11-24"),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_iso(text) is None
