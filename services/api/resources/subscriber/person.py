"""``/subscriber/:id`` and the changes of ``/list/:id/subscriber/:sid``: parse, handle, answer."""

from typing import Any

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.operation import ADMINS, WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.subscriber import read
from services.api.resources.subscriber.change import SOURCE, Change, change
from services.api.resources.subscriber.contacts import read_records, tasks_that_reached
from services.api.resources.subscriber.erase import Erasure, erase
from services.api.resources.subscriber.finish_erasure import finish
from services.api.resources.subscriber.schema import (
    ErasedAnswer,
    PersonContactAnswer,
    SubscriberAnswer,
    SubscriberChange,
    SubscriptionAnswer,
    SubscriptionChange,
)
from services.api.resources.suppression.record import Batch, record
from services.api.resources.suppression.schema import PostedSuppression
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.postgres.database import Connection
from shared.suppression.address_hash import AddressHashes


async def get_subscriber(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (subscriber_id,) = call.ids
    found = await read.read_subscriber(api.database, call.caller.account_id, subscriber_id)
    return Answer(found) if found else _nobody(subscriber_id)


async def put_subscriber(api: Api, call: Call[NoQuery, SubscriberChange]) -> Answer | Refused:
    (subscriber_id,), account_id = call.ids, call.caller.account_id

    async def finish_change(connection: Connection) -> Answer | Refused:
        found = await read.read_subscriber(connection, account_id, subscriber_id)
        return Answer(found) if found else _nobody(subscriber_id)

    return await change(api.database, _change(api, call, subscriber_id, None), finish_change)


async def put_subscription(api: Api, call: Call[NoQuery, SubscriptionChange]) -> Answer | Refused:
    (list_id, subscriber_id), account_id = call.ids, call.caller.account_id

    async def finish_change(connection: Connection) -> Answer | Refused:
        found = await read.read_subscription(connection, account_id, list_id, subscriber_id)
        return Answer(found) if found else _not_on_list(list_id, subscriber_id)

    return await change(api.database, _change(api, call, subscriber_id, list_id), finish_change)


def _change(api: Api, call: Call[Any, Any], subscriber_id: int, list_id: int | None) -> Change:
    return Change(
        actor=Actor(call.caller.account_id, call.caller.user_id),
        hashes=AddressHashes(api.secret),
        subscriber_id=subscriber_id,
        list_id=list_id,
        given=call.content.model_dump(exclude_unset=True),
        name=str(api.random_id()),
        now=api.now(),
    )


async def delete_subscription(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """As if the person had unsubscribed: off the list is off the list, until a PUT. Answers how he stands now."""
    (list_id, subscriber_id), account_id = call.ids, call.caller.account_id
    found = await read.read_subscription(api.database, account_id, list_id, subscriber_id)
    if found is None:
        return _not_on_list(list_id, subscriber_id)
    said = {"list_id": list_id, "reason": "unsubscribed", "source": SOURCE, "detail": None}
    ways = [{"email": found["email"], "telephone": None}, {"email": None, "telephone": found["telephone"]}]
    lines = [
        (place, PostedSuppression.model_construct(None, **way, **said))
        for place, way in enumerate(ways, start=1)
        if any(way.values())
    ]
    actor = Actor(account_id, call.caller.user_id)
    batch = Batch(actor, AddressHashes(api.secret), lines, str(api.random_id()), api.now())

    async def finish_record(connection: Connection, _: object) -> Answer | Refused:
        left = await read.read_subscription(connection, account_id, list_id, subscriber_id)
        return Answer(left) if left else _not_on_list(list_id, subscriber_id)

    return await record(api.database, batch, finish_record, call.remember)


async def delete_subscriber(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers once nothing of his is left and nothing is on its way to him."""
    (subscriber_id,), account_id = call.ids, call.caller.account_id
    actor, name = Actor(account_id, call.caller.user_id), str(api.random_id())
    erasure = Erasure(actor, AddressHashes(api.secret), subscriber_id, name, api.now())
    if not await erase(api.database, erasure):
        return _nobody(subscriber_id)
    await finish(api.database, account_id, subscriber_id)
    return Answer(ErasedAnswer(id=subscriber_id))


async def get_contacts(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    (subscriber_id,), caller = call.ids, call.caller
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    if await read.read_subscriber(api.database, caller.account_id, subscriber_id) is None:
        return _nobody(subscriber_id)
    reached = await tasks_that_reached(api.database, caller, subscriber_id)
    page = [row for row in reached if row["id"] > after][: call.query.count + 1]
    records = await read_records(api.database, caller, page)
    return answer_page(call.target, records, call.query.count, len(reached), lambda last: [last["task_id"]])


def _nobody(subscriber_id: int) -> Refused:
    return Refused.not_found(f"there is no subscriber {subscriber_id}")


def _not_on_list(list_id: int, subscriber_id: int) -> Refused:
    return Refused.not_found(f"subscriber {subscriber_id} is not on list {list_id}")


_ON_LIST = "/list/{list_id}/subscriber/{subscriber_id}"
_PERSON = "/subscriber/{subscriber_id}"
_PUT: dict[str, Any] = {"refusals": (404, 409, 413, 415), "roles": WRITERS}

OPERATIONS = (
    Operation(
        "PUT",
        _ON_LIST,
        "Change a subscriber on a list, or put him back on it",
        put_subscription,
        SubscriptionAnswer,
        body=object_body(SubscriptionChange),
        **_PUT,
    ),
    Operation(
        "DELETE",
        _ON_LIST,
        "Take a subscriber off a list, as an unsubscribe; only a PUT brings him back",
        delete_subscription,
        SubscriptionAnswer,
        refusals=(404,),
        roles=WRITERS,
    ),
    Operation("GET", _PERSON, "One subscriber", get_subscriber, SubscriberAnswer, refusals=(404,)),
    Operation(
        "PUT",
        _PERSON,
        "Change a subscriber: addresses, values, opt-out",
        put_subscriber,
        SubscriberAnswer,
        body=object_body(SubscriberChange),
        **_PUT,
    ),
    Operation(
        "DELETE",
        _PERSON,
        "Erase a person: the address goes everywhere, the counts stay",
        delete_subscriber,
        ErasedAnswer,
        refusals=(404,),
        roles=ADMINS,
    ),
    Operation(
        "GET",
        f"{_PERSON}/contact",
        "What was sent to a subscriber and what became of it, by task",
        get_contacts,
        list[PersonContactAnswer],
        query=PageQuery,
        refusals=(404,),
    ),
)
