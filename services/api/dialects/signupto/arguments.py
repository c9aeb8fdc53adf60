"""The arguments of a listing: how many, sorted by what, and where to begin. Pure.

``start`` is the value of the sort attribute in the first row of the page, which need not exist; ``value~id`` where
several rows have that value. ``next`` tells one or the other, so that following it neither repeats a row nor loses one.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from services.api.dialects.signupto.envelope import Next, many
from services.api.fields import Count, Flag, RequestModel, Sought, empty_is_null
from services.api.operation import Answer
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Fault, Refused

DEFAULT_COUNT: Final = 200

Kind = Literal["bigint", "float8", "text"]  #: of a sort attribute, as Postgres calls it

_NUMBER: Final = {"bigint": re.compile(r"[0-9]{1,19}"), "float8": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?")}
_ID = re.compile(r"[0-9]{1,19}")

#: A filter on text that may be null is asked for null by an empty value or the word.
Start = Annotated[Sought | None, Field(description="``next`` of the page before"), BeforeValidator(empty_is_null)]


class Paging(RequestModel):
    count: Count = DEFAULT_COUNT
    reverse: Flag = False
    start: Annotated[Sought, Field(description="where to begin: next of the page before")] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins. ``key`` None: the rows without a value, which are behind all others. ``id`` None: with
    whichever row has the key.
    """

    key: int | float | str | None
    id: int | None

    def first_id(self, *, reverse: bool) -> int:
        if self.id is None:
            return INT63_MAX if reverse else 0
        return self.id


def read_start(text: str, kind: Kind, *, nullable: bool = False) -> Place | Refused:
    value, tied, tail = text.rpartition("~")
    if not tied or not _ID.fullmatch(tail) or int(tail) > INT63_MAX:
        value, tail = text, ""
    row = int(tail) if tail else None
    if kind == "text":
        return Place(value, row)
    if nullable and value == "null":
        return Place(None, row)
    if not _NUMBER[kind].fullmatch(value) or (kind == "bigint" and int(value) > INT63_MAX):
        return Refused.invalid(Fault("start", "is not a value of the attribute that is sorted by"))
    return Place(int(value) if kind == "bigint" else float(value), row)


def key_of(place: Place, kind: Kind) -> int | float | str:
    """As Postgres compares it: what has no value is behind all that have one."""
    if place.key is None:
        return "" if kind == "text" else math.inf
    return place.key


def answer_page(found: Sequence[Mapping[str, object]], count: int, sort: str) -> Answer | Refused:
    """``found``: the page, and the row behind it if there is one. Nothing at all is not found, in this dialect."""
    if not found:
        return Refused.not_found("nothing was found")
    return many(found[:count], _next(found[count - 1], found[count], sort) if len(found) > count else None)


def _next(last: Mapping[str, object], following: Mapping[str, object], sort: str) -> Next:
    value = following[sort]
    tied = sort != "id" and value == last[sort]
    if isinstance(value, (int, float)) and not tied:
        return value
    if isinstance(value, str) and not tied and "~" not in value:
        return value
    return f"{'null' if value is None else value}~{following['id']}"
