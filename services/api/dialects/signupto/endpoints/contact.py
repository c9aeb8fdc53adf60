"""``/v1/contact``: whom a task was sent to. A contact has no id: a page begins with a row, counted from 1."""

from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import DEFAULT_COUNT
from services.api.dialects.signupto.envelope import many
from services.api.dialects.signupto.native import operation
from services.api.dialects.signupto.records import read_records
from services.api.fields import Count, Id, RequestModel
from services.api.operation import Answer, Api, Call
from services.api.resources.task import read
from shared.domain.identifiers import Channel
from shared.domain.refusal import Refused


class ContactArguments(RequestModel):
    task_id: Id
    channel: Channel | None = None
    subscriber_id: Id | None = None
    count: Count = DEFAULT_COUNT
    start: Id | None = None


class ContactData(TypedDict):
    """``cdate``: when it was handed over; null for whom it was not."""

    task_id: int
    subscriber_id: int
    channel: Channel
    cdate: float | None


async def get_contacts(api: Api, call: Call[ContactArguments, None]) -> Answer | Refused:
    query = call.query
    task = await read.read_row(api.database, call.caller, query.task_id)
    if task is None or query.channel not in (None, task["channel"]):
        return Refused.not_found("nothing was found")
    first = min(query.start or 1, 2**31) - 1
    records = await read_records(api.database, task, subscriber_id=query.subscriber_id, count=query.count, first=first)
    if not records.found:
        return Refused.not_found("nothing was found")
    data = [
        ContactData(
            task_id=task["id"], subscriber_id=each["subscriber_id"], channel=task["channel"], cdate=each["submitted"]
        )
        for each in records.found
    ]
    return many(data, None if records.next_ordinal is None else records.next_ordinal + 1)


OPERATIONS = (
    operation(
        "GET",
        "/contact",
        "The recipients of a task; 404 if none",
        get_contacts,
        list[ContactData],
        query=ContactArguments,
        refusals=(404,),
    ),
)
