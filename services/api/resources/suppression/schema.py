"""Suppressions, as requests and answers spell them."""

from typing import Annotated, Final, NotRequired

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from services.api.body import Body
from services.api.fields import (
    Count,
    Cursor,
    Email,
    IdOrNull,
    Line,
    Name,
    RequestModel,
    Sought,
    Telephone,
    empty_is_null,
)
from services.api.lines import LineFault, Lines, lines_body
from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault
from shared.domain.suppression import Reason
from shared.suppression.record import LONGEST_DETAIL

_NOTHING: Final = (None, "")


class PostedSuppression(RequestModel):
    """``list_id`` null: of the whole account."""

    email: Annotated[Email | None, BeforeValidator(empty_is_null)] = None
    telephone: Annotated[Telephone | None, BeforeValidator(empty_is_null)] = None
    list_id: IdOrNull = None
    reason: Reason = "manual"
    source: Name = "api"
    detail: Annotated[Annotated[Line, Field(max_length=LONGEST_DETAIL)] | None, BeforeValidator(empty_is_null)] = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        faults = []
        if (given.get("email") in _NOTHING) == (given.get("telephone") in _NOTHING):
            faults.append(Fault("email", "exactly one of email and telephone must be given"))
        if given.get("reason") == "unsubscribed" and given.get("list_id") in _NOTHING:
            faults.append(Fault("list_id", "must be given: nobody unsubscribes but from a list"))
        return faults

    @property
    def channel(self) -> Channel:
        return "email" if self.email else "sms"

    @property
    def address(self) -> str:
        return self.email or self.telephone or ""


class SuppressionQuery(RequestModel):
    """``list_id`` empty: those of the whole account. As CSV all of them come, where ``count`` is not given."""

    email: Sought | None = None
    telephone: Sought | None = None
    list_id: IdOrNull = None
    reason: Reason | None = None
    channel: Channel | None = None
    count: Count | None = None
    start: Cursor | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if "email" in given and "telephone" in given:
            return [Fault("email", "only one of email and telephone can be asked for")]
        return []


class SuppressionAnswer(TypedDict):
    """The address is null once it was erased: it is still known by its hash. ``marketing_only``: an opt-out that
    permits messages of class service. ``subscriber_id``: who has the address, if anybody.
    """

    id: int
    channel: Channel
    email: NotRequired[str | None]
    telephone: NotRequired[str | None]
    list_id: int | None
    reason: Reason
    marketing_only: bool
    source: str
    detail: str | None
    subscriber_id: int | None
    task_id: int | None
    cdate: float


class SuppressedAnswer(TypedDict):
    """``existing``: those that were there already, for the same reason."""

    created: int
    existing: int
    failed: int
    errors: list[LineFault]


SUPPRESSION_LINES: Final[Body[Lines]] = lines_body(PostedSuppression, as_csv=True)
