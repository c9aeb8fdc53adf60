"""Subscribers and their subscriptions, as requests and answers spell them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, TypeAdapter
from typing_extensions import TypedDict

from services.api.body import FORM, JSON, Body, read_json, validate
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
)
from services.api.parse_form import parse_form
from shared.domain.refusal import Fault

NDJSON: Final = "application/x-ndjson"
MOST_LINES: Final = 10_000

OptOut = Literal["none", "basic", "blast", "all"]


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


class LineFault(TypedDict):
    line: int
    field: str
    message: str


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


@dataclass(frozen=True, slots=True)
class Lines:
    """What was posted, not validated yet: lines with their number, from 1, and what they hold or a Fault."""

    items: list[tuple[int, Any]]
    one: bool  #: a single object, which is answered with the subscriber
    as_text: bool = False


_ADAPTER: TypeAdapter[NewSubscriber] = TypeAdapter(NewSubscriber)


def read_line(item: Any, *, as_text: bool) -> NewSubscriber | list[Fault]:
    if isinstance(item, Fault):
        return [item]
    if not isinstance(item, dict):
        return [Fault("", "must be a JSON object")]
    return validate(_ADAPTER, (NewSubscriber,), item, as_text=as_text)


def _read(media: str, data: bytes) -> Lines | list[Fault]:
    lines = _READERS[media](data)
    if isinstance(lines, Lines) and len(lines.items) > MOST_LINES:
        return [Fault("", f"at most {MOST_LINES} lines at once")]
    return lines


def _read_json(data: bytes) -> Lines | list[Fault]:
    value = read_json(data)
    match value:
        case Fault():
            return [value]
        case list():
            return Lines(list(enumerate(value, start=1)), one=False)
        case _:
            return Lines([(1, value)], one=True)


def _read_ndjson(data: bytes) -> Lines:
    lines = enumerate(data.split(b"\n"), start=1)
    return Lines([(number, read_json(line)) for number, line in lines if line.strip()], one=False)


def _read_form(data: bytes) -> Lines | list[Fault]:
    try:
        form = parse_form(data.decode())
    except UnicodeDecodeError:
        return [Fault("", "the form is not UTF-8")]
    return form if isinstance(form, list) else Lines([(1, form)], one=True, as_text=True)


_READERS: Final[dict[str, Callable[[bytes], Lines | list[Fault]]]] = {
    JSON: _read_json,
    NDJSON: _read_ndjson,
    FORM: _read_form,
}

SUBSCRIBER_LINES: Final[Body[Lines]] = Body(
    {JSON: NewSubscriber | list[NewSubscriber], NDJSON: NewSubscriber, FORM: NewSubscriber}, _read
)
