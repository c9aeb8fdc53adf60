"""``/v1/emailOpen``: who opened a message, once each: the first time is what is told."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import DEFAULT_COUNT
from services.api.dialects.signupto.envelope import many
from services.api.dialects.signupto.native import operation
from services.api.dialects.signupto.records import ordinal_of, read_records, records_of_person
from services.api.fields import Count, Id, RequestModel, Sought, fault
from services.api.operation import Answer, Api, Call
from services.api.resources.task import read
from services.api.resources.task.schema import ContactAnswer
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Fault, Refused
from shared.postgres.database import Row

_ID: Final = re.compile(r"([1-9][0-9]{0,18})_([1-9][0-9]{0,18})_([0-9]{1,12})")


def _open_id(value: str) -> str:
    parts = _ID.fullmatch(value)
    if parts is None or max(int(parts[1]), int(parts[2])) > INT63_MAX:
        raise fault("must be task, subscriber and time with a _ between them")
    return value


OpenId = Annotated[Sought, AfterValidator(_open_id)]


class OpenArguments(RequestModel):
    """``start``: the id of an open."""

    id: OpenId | None = None
    task_id: Id | None = None
    subscriber_id: Id | None = None
    count: Count = DEFAULT_COUNT
    start: OpenId | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if not {"id", "task_id", "subscriber_id"} & given.keys():
            return [Fault("id", "one of id, task_id and subscriber_id must be given")]
        return []


class OpenData(TypedDict):
    """``id``: task, subscriber and time of the first open."""

    id: str
    subscriber_id: int
    task_id: int
    cdate: float


async def get_opens(api: Api, call: Call[OpenArguments, None]) -> Answer | Refused:
    query = call.query
    if query.id is not None:
        return await _one(api, call, query.id)
    if query.task_id is not None:
        return await _of_task(api, call, query.task_id, query.subscriber_id)
    return await _of_subscriber(api, call, query.subscriber_id or 0)


async def _one(api: Api, call: Call[OpenArguments, None], asked: str) -> Answer | Refused:
    query, (task_id, subscriber_id) = call.query, _parts(asked)
    if (query.task_id or task_id, query.subscriber_id or subscriber_id) != (task_id, subscriber_id):
        return _nothing()
    found = await _of_task(api, call, task_id, subscriber_id)
    same = isinstance(found, Answer) and asked in {each["id"] for each in _told(found)}
    return found if same else _nothing()


def _told(answer: Answer) -> list[OpenData]:
    data: list[OpenData] = answer.body["response"]["data"]  # type: ignore[index]  # an envelope
    return data


async def _of_task(
    api: Api, call: Call[OpenArguments, None], task_id: int, subscriber_id: int | None
) -> Answer | Refused:
    query, database = call.query, api.database
    task = await read.read_row(database, call.caller, task_id)
    if task is None or task["channel"] != "email":
        return _nothing()
    first = await ordinal_of(database, *_parts(query.start)) if query.start is not None else 0
    records = await read_records(
        database, task, event="opened", subscriber_id=subscriber_id, count=query.count, first=first or 0
    )
    following = None
    if records.next_ordinal is not None:
        behind = await read_records(database, task, event="opened", count=1, first=records.next_ordinal)
        following = next((_data(task, each)["id"] for each in behind.found), None)
    return many([_data(task, each) for each in records.found], following) if records.found else _nothing()


async def _of_subscriber(api: Api, call: Call[OpenArguments, None], subscriber_id: int) -> Answer | Refused:
    query = call.query
    first_task = _parts(query.start)[0] if query.start is not None else 0
    found: list[OpenData] = []
    async for task, record in records_of_person(
        api.database, call.caller, subscriber_id, "opened", first_task=first_task
    ):
        found.append(_data(task, record))
        if len(found) > query.count:
            break
    if not found:
        return _nothing()
    return many(found[: query.count], found[query.count]["id"] if len(found) > query.count else None)


def _parts(number: str) -> tuple[int, int]:
    """(task, subscriber)."""
    task_id, subscriber_id, _ = number.split("_")
    return int(task_id), int(subscriber_id)


def _nothing() -> Refused:
    return Refused.not_found("nothing was found")


def _data(task: Row, found: ContactAnswer) -> OpenData:
    opened = found["opened"] or 0.0
    return OpenData(
        id=f"{task['id']}_{found['subscriber_id']}_{int(opened)}",
        subscriber_id=found["subscriber_id"],
        task_id=task["id"],
        cdate=opened,
    )


OPERATIONS = (
    operation(
        "GET",
        "/emailOpen",
        "Who opened the message of a task, or what a subscriber opened; 404 if none",
        get_opens,
        list[OpenData],
        query=OpenArguments,
        refusals=(404,),
    ),
)
