"""``/v1/bounce``: who could not be reached, and why. A bounce is of a task and a recipient; its number holds both."""

from typing import Final

from typing_extensions import TypedDict

from services.api.dialects.signupto.envelope import many, one
from services.api.dialects.signupto.msisdn import to_msisdn
from services.api.dialects.signupto.native import operation
from services.api.dialects.signupto.records import Records, read_records, records_of_person
from services.api.fields import Count, Id, NoQuery, RequestModel
from services.api.operation import Answer, Api, Call
from services.api.resources.task import read
from services.api.resources.task.schema import ContactAnswer
from shared.domain.bounce import judge_bounce
from shared.domain.identifiers import Channel
from shared.domain.refusal import Fault, Refused
from shared.postgres.database import Row

PAGE: Final = 100  #: as the vendor pages them

_RECIPIENTS: Final = 2**31  #: a task has fewer


class BounceArguments(RequestModel):
    """``start``: the number of a bounce."""

    channel: Channel
    id: Id | None = None
    task_id: Id | None = None
    subscriber_id: Id | None = None
    count: Count = PAGE
    start: Id | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if not {"id", "task_id", "subscriber_id"} & given.keys():
            return [Fault("id", "one of id, task_id and subscriber_id must be given")]
        return []


class BounceData(TypedDict):
    """``type``: hard if there is no such mailbox, or no such number; ``error``: in the words of whoever refused it."""

    id: int
    channel: Channel
    type: str
    error: str | None
    subscriber_id: int
    email: str | None
    msisdn: str | None
    task_id: int
    cdate: float | None


async def get_bounces(api: Api, call: Call[BounceArguments, None]) -> Answer | Refused:
    query = call.query
    if query.id is not None:
        found = await _find(api, call, query.id)
        return many([found]) if found is not None and _fits(found, query) else _nothing()
    if query.task_id is not None:
        return await _of_task(api, call, query.task_id)
    return await _of_subscriber(api, call)


def _fits(found: BounceData, query: BounceArguments) -> bool:
    asked = (query.task_id or found["task_id"], query.subscriber_id or found["subscriber_id"], query.channel)
    return asked == (found["task_id"], found["subscriber_id"], found["channel"])


async def get_bounce(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    found = await _find(api, call, call.ids[0])
    return one(found) if found else _nothing()


async def _find(api: Api, call: Call[BounceArguments, None] | Call[NoQuery, None], number: int) -> BounceData | None:
    task_id, ordinal = divmod(number, _RECIPIENTS)
    task = await read.read_row(api.database, call.caller, task_id)
    if task is None:
        return None
    records = await read_records(api.database, task, event="bounced", count=1, first=ordinal)
    return next((_data(task, each) for each in records.found if each["ordinal"] == ordinal), None)


async def _of_task(api: Api, call: Call[BounceArguments, None], task_id: int) -> Answer | Refused:
    query = call.query
    task = await read.read_row(api.database, call.caller, task_id)
    if task is None or task["channel"] != query.channel:
        return _nothing()
    first = max((query.start or 0) - task_id * _RECIPIENTS, 0)
    if first >= _RECIPIENTS:
        return _nothing()
    records: Records = await read_records(
        api.database, task, event="bounced", subscriber_id=query.subscriber_id, count=query.count, first=first
    )
    if not records.found:
        return _nothing()
    following = None if records.next_ordinal is None else task_id * _RECIPIENTS + records.next_ordinal
    return many([_data(task, each) for each in records.found], following)


async def _of_subscriber(api: Api, call: Call[BounceArguments, None]) -> Answer | Refused:
    query, start = call.query, call.query.start or 0
    bounces: list[BounceData] = []
    found = records_of_person(
        api.database, call.caller, query.subscriber_id or 0, "bounced", first_task=start // _RECIPIENTS
    )
    async for task, record in found:
        bounce = _data(task, record)
        if bounce["channel"] == query.channel and bounce["id"] >= start:
            bounces.append(bounce)
        if len(bounces) > query.count:
            break
    if not bounces:
        return _nothing()
    return many(bounces[: query.count], bounces[query.count]["id"] if len(bounces) > query.count else None)


def _nothing() -> Refused:
    return Refused.not_found("nothing was found")


def _data(task: Row, found: ContactAnswer) -> BounceData:
    return BounceData(
        id=task["id"] * _RECIPIENTS + found["ordinal"],
        channel=task["channel"],
        type="hard" if judge_bounce(task["channel"], found["reason"] or "") == "hard" else "soft",
        error=found["reason"],
        subscriber_id=found["subscriber_id"],
        email=found.get("email"),
        msisdn=to_msisdn(found.get("telephone")),
        task_id=task["id"],
        cdate=found["bounced"],
    )


OPERATIONS = (
    operation(
        "GET",
        "/bounce",
        "The bounces of a task or of a subscriber; 404 if none",
        get_bounces,
        list[BounceData],
        query=BounceArguments,
        refusals=(404,),
    ),
    operation("GET", "/bounce/{bounce_id}", "One bounce", get_bounce, BounceData, refusals=(404,)),
)
