"""Campaigns, as requests and answers spell them."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, with_config
from typing_extensions import TypedDict

from services.api.fields import TEXT, Id, IdOrNull, Name, RequestModel, fault
from services.api.resources.campaign.when import WhenOrNull
from shared.domain.campaign import State
from shared.domain.identifiers import Channel

MOST_SEGMENTS: Final = 100
LONGEST_URL: Final = 2_048

Ids = list[int]


def _read_ids(value: object, info: ValidationInfo) -> object:
    """Null and, in a form, one empty entry are none; a form may also give one without brackets, or leave gaps."""
    if value is None:
        return []
    if info.context != TEXT:
        return value
    if isinstance(value, dict) and all(key.isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    entries = [value] if isinstance(value, str) else value
    return [] if entries == [""] else entries


def _each_once(ids: Ids) -> Ids:
    return list(dict.fromkeys(ids))


def _no_ids() -> Ids:
    return []


def _read_url(value: object) -> object:
    return None if value == "" else value


def _check_url(value: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise fault("must be a URL in visible ASCII characters")
    return value


Segments = Annotated[list[Id], Field(max_length=MOST_SEGMENTS), BeforeValidator(_read_ids), AfterValidator(_each_once)]
UrlOrNull = Annotated[
    Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_check_url)] | None, BeforeValidator(_read_url)
]

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "Spring sale",
    "domain": 2,
    "segments": [4, 6],
    "state": "SCHEDULED",
    "when": "2026-11-24T09:30:00+01:00",
    "event_callback": "https://shop.example/events?campaign=spring",
}
_PAYLOAD: Final[dict[str, Any]] = {"channel": "email", "message_id": 3}


class NewCampaign(RequestModel):
    """``list`` is fixed from now on. Without ``segments`` it goes to the whole list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "list": 5}]})

    name: Name
    domain: IdOrNull = None
    list: Id
    segments: Segments = Field(default_factory=_no_ids)
    state: State = "DRAFT"
    when: WhenOrNull = None
    event_callback: UrlOrNull = None


class CampaignChange(RequestModel):
    """What is given changes. ``list`` may be given as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "READY"}, _EXAMPLE]})

    name: Name = Field(default_factory=str)
    domain: IdOrNull = None
    list: Id | None = None
    segments: Segments = Field(default_factory=_no_ids)
    state: State = "DRAFT"
    when: WhenOrNull = None
    event_callback: UrlOrNull = None


class NewPayload(RequestModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_PAYLOAD]})

    channel: Channel
    message_id: Id


class PayloadChange(RequestModel):
    """What is given changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message_id": 4}]})

    channel: Channel | None = None
    message_id: Id | None = None


class PayloadAnswer(TypedDict):
    id: int
    channel: Channel
    message_id: int


@with_config(
    json_schema_extra={
        "examples": [
            {
                **_EXAMPLE,
                "id": 7,
                "list": 5,
                "state": "SENDING",
                "when": 1795509000,
                "payloads": [{"id": 1, **_PAYLOAD}],
                "tasks": [12],
                "cdate": 1795500000.25,
                "error": None,
            }
        ]
    }
)
class CampaignAnswer(TypedDict):
    """``when``: unix seconds. ``tasks``: one a payload, from SENDING on.

    ``error``: what is missing though it is time to be READY, or why it ended in ERROR.
    """

    id: int
    name: str
    domain: int | None
    list: int
    segments: Ids
    state: State
    when: int | None
    event_callback: str | None
    payloads: "Payloads"
    tasks: Ids
    cdate: float
    error: str | None


Payloads = list[PayloadAnswer]
