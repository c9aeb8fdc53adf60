"""Searches, as requests and answers spell them."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema
from typing_extensions import TypedDict

from services.api.fields import TEXT, IdOrNull, Name, RequestModel
from shared.domain.query_criteria import CRITERIA
from shared.domain.read_subscriber_query import read_query
from shared.domain.refusal import Fault

_ENTRIES: Final = {"type": "array", "items": {"type": ["string", "number", "boolean", "array", "null"]}}
_SCHEMA: Final = {
    "type": "object",
    "description": "Parallel arrays with an entry for each criterion; see docs/reference/queries.md",
    "properties": {
        "source_list": {"type": "string", "description": "a name, .multiple or .multiple-all; without: everybody"},
        "multiple_source_list": {"type": "array", "items": {"type": "string"}},
        "query_mode": {"enum": ["and", "or"], "default": "and"},
        "criteria": {"type": "array", "items": {"enum": sorted(CRITERIA)}},
        **dict.fromkeys(("field", "value", "engagement", "timerange", "compare", "compare_value"), _ENTRIES),
    },
}


def _read(given: object, info: ValidationInfo) -> object:
    """Left as it is when it is faulty: what is wrong with it is said entry by entry (``_faults_in``)."""
    query = read_query(given, as_text=info.context == TEXT)
    return given if isinstance(query, list) else query


QueryField = Annotated[Any, BeforeValidator(_read), WithJsonSchema(_SCHEMA)]


def _faults_in(given: dict[str, object]) -> list[Fault]:
    query = read_query(given["query"]) if "query" in given else []
    if not isinstance(query, list):
        return []
    return [Fault(f"query.{fault.field}" if fault.field else "query", fault.message) for fault in query]


class NewSearch(RequestModel):
    name: Name
    list_id: IdOrNull = None
    query: QueryField

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        return _faults_in(given)


class SearchChange(RequestModel):
    """What is given changes."""

    name: Name = Field(default_factory=str)
    list_id: IdOrNull = None
    query: QueryField = Field(default_factory=dict)

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        return _faults_in(given)


class SearchAnswer(TypedDict):
    """``query``: in one spelling, whichever it came in."""

    id: int
    name: str
    list_id: int | None
    query: dict[str, Any]
    cdate: float


class CountAnswer(TypedDict):
    """``matched``: everybody found. ``email``, ``sms``: whom of them a message of class marketing would go to now."""

    matched: int
    email: int
    sms: int
