"""The kinds of values requests are made of: one type each, which validates and documents.

JSON is taken by its own types, so ``true`` is no number and ``"5"`` neither. In forms and query strings everything is
text: the context says so, and then numbers and booleans are read from it and an empty field is null.
"""

import math
import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.addresses import fault_in_line, read_domain, read_email, read_telephone
from shared.domain.decide_split_test import LONGEST_DELAY
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Fault
from shared.domain.subscriber_vars import encodable, fault_in_vars

TEXT: Final = {"text": True}  #: the context of what came as text
EARLIEST: Final = -62_135_596_800  #: the beginning of the year 1; no calendar here has anything before it
LATEST: Final = 253_402_300_799  #: the end of the year 9999, unix seconds
MOST_ALLOWED: Final = 1_000_000_000_000_000  #: units: exact as a number of JSON, and three of them in 64 bits

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?")
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


class RequestModel(BaseModel):
    """What a request may say. Unknown fields are faults."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        """What is wrong between the fields rather than within one; asked also when single fields are wrong."""
        return []


class NoQuery(RequestModel):
    """No query argument at all."""


def _is_text(info: ValidationInfo) -> bool:
    return bool(info.context) and isinstance(info.context, dict) and bool(info.context.get("text"))


def fault(message: str) -> PydanticCustomError:
    # The message is data to pydantic's templates: braces in it would be read as fields.
    return PydanticCustomError("fault", "{message}", {"message": message})


def _read_whole(value: object, info: ValidationInfo) -> int:
    if isinstance(value, str) and _is_text(info) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise fault("must be a whole number within 64 bits")


def _read_flag(value: object, info: ValidationInfo) -> bool:
    if isinstance(value, str) and _is_text(info) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    if isinstance(value, bool):
        return value
    raise fault("must be true or false")


def _read_moment(value: object, info: ValidationInfo) -> float:
    if isinstance(value, str) and _is_text(info) and _DECIMAL.fullmatch(value):
        value = float(value)
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
        and EARLIEST <= value <= LATEST
    ):
        return round(float(value), 6)
    raise fault("must be decimal unix seconds, from the year 1 to the year 9999")


def _read_hours(value: object, info: ValidationInfo) -> float:
    try:
        return _read_moment(value, info)
    except PydanticCustomError:
        raise fault("must be decimal hours") from None


def empty_is_null(value: object, info: ValidationInfo) -> object:
    return None if isinstance(value, str) and value in ("", "null") and _is_text(info) else value


def _check_line(value: str) -> str:
    if problem := fault_in_line(value):
        raise fault(problem)
    return value


def _check_text(value: str) -> str:
    if "\x00" in value or not encodable(value):
        raise fault("must be text without NUL and lone surrogates")
    return value


def _email(value: str) -> str:
    address = read_email(value)
    if isinstance(address, Fault):
        raise fault(address.message)
    return address


def _domain_name(value: str) -> str:
    name = read_domain(value)
    if isinstance(name, Fault):
        raise fault(name.message)
    return name


def _telephone(value: str) -> str:
    number = read_telephone(value)
    if isinstance(number, Fault):
        raise fault(number.message)
    return number


def _check_vars(value: dict[str, object]) -> dict[str, object]:
    if problem := fault_in_vars(value):
        raise fault(problem)
    return value


_Null = BeforeValidator(empty_is_null)

Id = Annotated[int, Field(ge=1, le=INT63_MAX), BeforeValidator(_read_whole)]
IdOrNull = Annotated[Id | None, _Null]
Rate = Annotated[Annotated[int, Field(ge=1, le=INT63_MAX), BeforeValidator(_read_whole)] | None, _Null]
Count = Annotated[int, Field(ge=1, le=1000), BeforeValidator(_read_whole)]
Allowance = Annotated[
    Annotated[int, Field(ge=0, le=MOST_ALLOWED), BeforeValidator(_read_whole)] | None,
    _Null,
    Field(description="null: not metered"),
]
Amount = Annotated[int, Field(ge=0, le=MOST_ALLOWED), BeforeValidator(_read_whole)]
Small = Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_read_whole)]
Flag = Annotated[bool, BeforeValidator(_read_flag)]
Moment = Annotated[float, BeforeValidator(_read_moment), Field(description="decimal unix seconds")]
Hours = Annotated[float, Field(ge=0, le=LONGEST_DELAY, description="decimal hours"), BeforeValidator(_read_hours)]
MomentOrNull = Annotated[Moment | None, _Null]
Cursor = Annotated[str, Field(max_length=1024, description="where to go on: from the Link of the page before")]
Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_line)]
Line = Annotated[str, Field(max_length=998), AfterValidator(_check_line)]
Text = Annotated[str, Field(max_length=500_000), AfterValidator(_check_text)]
Sought = Annotated[str, Field(max_length=320), AfterValidator(_check_text)]
Email = Annotated[
    str,
    Field(max_length=320),
    AfterValidator(_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 320}),
]
#: So long that the names of its records, some thirty octets more, still fit DNS.
DomainName = Annotated[str, Field(max_length=220), AfterValidator(_domain_name)]
Telephone = Annotated[str, Field(max_length=40, description="made E.164"), AfterValidator(_telephone)]
Vars = Annotated[dict[Name, object], AfterValidator(_check_vars)]
