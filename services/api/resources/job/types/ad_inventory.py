"""``ad_inventory``: places for advertising, day by day."""

from datetime import date
from typing import Final

from services.api.resources.job.given import BAD_DATE, Given
from services.api.resources.job.job_type import JobType, Order
from shared.domain.booking import write_day
from shared.domain.moment_words import Offset, read_when

MOST_DAYS: Final = 1_100  #: three years and a bit


def _read(given: Given) -> Order:
    """``params``: ``start_date`` and ``end_date``, YYYYMMDD."""
    start, end = (_read_date(given, name) for name in ("start_date", "end_date"))
    if start is None or end is None:
        return Order(name="Ad Inventory")
    if end < start:
        given.blame("end_date", "must not be before start_date", BAD_DATE)
    elif (end - start).days >= MOST_DAYS:
        given.blame("end_date", f"must be less than {MOST_DAYS} days after start_date", BAD_DATE)
    dates = {"start_date": write_day(start), "end_date": write_day(end)}
    return Order(name=f"Ad Inventory: {dates['start_date']} to {dates['end_date']}", params=dates, tell=dates)


def _read_date(given: Given, name: str) -> date | None:
    value = given.require(name, given.value(name))
    if value is None:
        return None
    when = read_when(value)
    if when is None or isinstance(when, Offset):
        given.blame(name, "must be a date, as YYYYMMDD, mm/dd/yyyy or ISO 8601", BAD_DATE)
        return None
    return when.date()


TYPE = JobType("ad_inventory", _read)
