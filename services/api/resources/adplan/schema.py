"""Bookings of advertising, as requests and answers spell them."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from services.api.fields import Amount, Name, RequestModel, fault
from shared.domain.booking import read_day


def _as_text(value: object) -> object:
    """A day is a number too, to whoever writes 20261130 without quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_day(value: str) -> str:
    if read_day(value) is None:
        raise fault("must be a day, as YYYYMMDD")
    return value


Day = Annotated[
    str,
    BeforeValidator(_as_text),
    AfterValidator(_check_day),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{8}$", "description": "YYYYMMDD, UTC"}),
]


class NewBooking(RequestModel):
    name: Name
    start_date: Day
    end_date: Day
    impressions_per_day: Amount


class BookingChange(RequestModel):
    """What is given changes."""

    name: Name = Field(default_factory=str)
    start_date: Day = Field(default_factory=str)
    end_date: Day = Field(default_factory=str)
    impressions_per_day: Amount = Field(default_factory=int)


class BookingAnswer(TypedDict):
    """``start_date`` and ``end_date`` are both days of the booking."""

    id: int
    name: str
    start_date: str
    end_date: str
    impressions_per_day: int
    cdate: float
