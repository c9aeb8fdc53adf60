"""A send window, as requests spell it."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from services.api.fields import RequestModel, fault
from shared.domain.send_window import DAYS, Day, SendWindow, fault_in_clock, fault_in_zone, in_order


def _begin(text: str) -> str:
    if problem := fault_in_clock(text, ends=False):
        raise fault(problem)
    return text


def _end(text: str) -> str:
    if problem := fault_in_clock(text, ends=True):
        raise fault(problem)
    return text


def _zone(name: str) -> str:
    if problem := fault_in_zone(name):
        raise fault(problem)
    return name


_CLOCK_LENGTH: Final = Field(max_length=5, description="HH:MM")


class Window(RequestModel):
    """Of a day by the clock of ``timezone``. One that ends before it begins ends on the day after."""

    begin: Annotated[str, _CLOCK_LENGTH, AfterValidator(_begin)] = Field(alias="from")
    to: Annotated[str, _CLOCK_LENGTH, AfterValidator(_end)]
    timezone: Annotated[str, Field(max_length=64, description="IANA name"), AfterValidator(_zone)]
    days: Annotated[list[Day], Field(min_length=1, max_length=7, description="on which it begins")] = Field(
        default_factory=lambda: list(DAYS)
    )

    def as_terms(self) -> SendWindow:
        return {"from": self.begin, "to": self.to, "timezone": self.timezone, "days": in_order(self.days)}


def _not_empty(window: Window) -> Window:
    if window.begin == window.to:
        raise fault("must not end as it begins: a whole day is from 00:00 to 24:00")
    return window


def terms_of(window: Window | None) -> SendWindow | None:
    return None if window is None else window.as_terms()


#: As answers spell it; ``days`` from Monday on.
WindowAnswer = TypedDict("WindowAnswer", {"from": str, "to": str, "timezone": str, "days": list[Day]})
CheckedWindow = Annotated[Window, AfterValidator(_not_empty)]
