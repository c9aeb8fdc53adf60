"""Subscribers and their subscriptions, as requests and answers spell them."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from services.api.body import Body
from services.api.fields import (
    Email,
    Flag,
    Line,
    Moment,
    Name,
    RequestModel,
    Sought,
    Telephone,
    Vars,
    empty_is_null,
    fault,
)
from services.api.lines import LineFault, Lines, lines_body
from services.api.resources.task.schema import ContactAnswer
from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault

OptOut = Literal["none", "basic", "blast", "all"]


def _only_null(value: object) -> object:
    if value in (None, "", "null"):
        return None
    raise fault("can only become null: a DELETE ends a subscription")


class Consent(RequestModel):
    """What the person agreed to, when and from where."""

    at: Moment
    ip: Annotated[Line, Field(max_length=45)] | None = None
    text: Line


class NewSubscriber(RequestModel):
    email: Annotated[Email | None, BeforeValidator(empty_is_null)] = None
    telephone: Annotated[Telephone | None, BeforeValidator(empty_is_null)] = None
    external_id: Annotated[Name | None, BeforeValidator(empty_is_null)] = None
    vars: Vars = Field(default_factory=dict)
    confirmed: Flag = True
    source: Annotated[Name | None, BeforeValidator(empty_is_null)] = None
    consent: Consent | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if given.get("email") in (None, "") and given.get("telephone") in (None, ""):
            return [Fault("email", "email or telephone must be given")]
        return []


class SubscriberChange(RequestModel):
    """What is given changes. ``vars``: given ones replace, null takes one away, others stay. ``optout`` none takes an
    opt-out back, whoever said it.
    """

    email: Annotated[Email | None, BeforeValidator(empty_is_null)] = None
    telephone: Annotated[Telephone | None, BeforeValidator(empty_is_null)] = None
    external_id: Annotated[Name | None, BeforeValidator(empty_is_null)] = None
    vars: Vars = Field(default_factory=dict)
    optout: OptOut = "none"


class SubscriptionChange(SubscriberChange):
    """``ended`` null and ``confirmed`` true put somebody back on the list, whatever he said of it before."""

    confirmed: Flag = True
    ended: Annotated[None, BeforeValidator(_only_null)] = None
    source: Annotated[Name | None, BeforeValidator(empty_is_null)] = None
    consent: Consent | None = None


class SubscriberQuery(RequestModel):
    email: Sought | None = None
    telephone: Sought | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if ("email" in given) == ("telephone" in given):
            return [Fault("email", "exactly one of email and telephone must be asked for")]
        return []


class SubscriberAnswer(TypedDict):
    id: int
    email: str | None
    telephone: str | None
    external_id: str | None
    vars: dict[str, Any]
    optout: OptOut
    cdate: float


class SubscriptionAnswer(SubscriberAnswer):
    """A subscriber on a list. ``ended``: when the subscription ended, null while it lasts."""

    list_id: int
    confirmed: bool
    signup: float
    ended: float | None
    source: str | None
    consent: dict[str, Any] | None


class PersonContactAnswer(ContactAnswer):
    """A contact record, and of which task it is."""

    task_id: int
    channel: Channel


class ErasedAnswer(TypedDict):
    """Nothing else is left of him."""

    id: int


class BulkAnswer(TypedDict):
    """``ids``: one a line, in order; null where it failed or nobody is known. ``skipped``: had ended, opted out or is
    suppressed, and was left so.
    """

    created: int
    updated: int
    failed: int
    skipped: int
    ids: list[int | None]
    errors: list[LineFault]


SUBSCRIBER_LINES: Final[Body[Lines]] = lines_body(NewSubscriber)
