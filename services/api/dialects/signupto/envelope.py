"""What every answer of this dialect is wrapped in. Pure.

``{"status": "ok", "response": {"data": …, "count": …, "next": …}}``: the clients compare the status in small letters
and need all three members in every success.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict

from services.api.operation import Answer
from services.api.problem import Problem

Data = TypeVar("Data")

Next = int | float | str | None


class Response(TypedDict, Generic[Data]):
    """``count``: of what is in ``data``. ``next``: what to give as ``start`` for the next page; null on the last."""

    data: Data
    count: int
    next: int | float | str | None


class Envelope(TypedDict, Generic[Data]):
    status: Literal["ok"]
    response: Response[Data]


class Refusal(TypedDict):
    """``resource_id``: with 409 alone, what stands in the way, or null."""

    message: str
    code: int
    subcode: None
    additional_information: None
    resource_id: NotRequired[int | None]


class RefusalEnvelope(TypedDict):
    status: Literal["error"]
    response: Refusal


class Deleted(TypedDict):
    id: int


def one(data: Mapping[str, object], status: int = 200) -> Answer:
    """A single resource, as an object."""
    return _ok(data, 1, None, status)


def many(data: Sequence[object], following: Next = None) -> Answer:
    return _ok(data, len(data), following, 200)


def refusal(problem: Problem) -> Answer:
    told = Refusal(message=problem.sentence, code=problem.status, subcode=None, additional_information=None)
    if problem.status == 409:
        told["resource_id"] = problem.resource_id
    challenge = {"WWW-Authenticate": 'SuTHash realm="postroom"'} if problem.status == 401 else {}
    return Answer(RefusalEnvelope(status="error", response=told), problem.status, {**challenge, **problem.headers})


def _ok(data: object, count: int, following: Next, status: int) -> Answer:
    return Answer({"status": "ok", "response": {"data": data, "count": count, "next": following}}, status)
