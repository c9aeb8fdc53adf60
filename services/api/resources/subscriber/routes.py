"""``/list/:id/subscriber`` and ``/subscriber``: parse, handle, answer."""

from services.api.fields import NoQuery
from services.api.lines import Faults, Lines, line_faults, read_lines
from services.api.operation import MEBIBYTE, WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.subscriber import person, read
from services.api.resources.subscriber.plan_upsert import Plan, Wish
from services.api.resources.subscriber.schema import (
    SUBSCRIBER_LINES,
    BulkAnswer,
    NewSubscriber,
    SubscriberAnswer,
    SubscriberQuery,
    SubscriptionAnswer,
)
from services.api.resources.subscriber.upsert import Batch, upsert
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.postgres.database import Connection
from shared.suppression.address_hash import AddressHashes


async def post_subscribers(api: Api, call: Call[NoQuery, Lines]) -> Answer | Refused:
    (list_id,) = call.ids
    if not await read.is_list_known(api.database, call.caller.account_id, list_id):
        return _no_list(list_id)
    valid, faults = await read_lines(call.content, NewSubscriber)
    wishes = [_wish(number, line) for number, line in valid]
    if call.content.one:
        return (
            await _post_one(api, call, list_id, wishes) if wishes else Refused.invalid(*(fault for _, fault in faults))
        )

    async def finish(_: Connection, plan: Plan) -> Answer:
        return Answer(_bulk_answer(call.content, plan, faults))

    batch = await _batch(api, call, list_id, wishes)
    return await upsert(api.database, batch, finish, call.remember)


async def _post_one(api: Api, call: Call[NoQuery, Lines], list_id: int, wishes: list[Wish]) -> Answer | Refused:
    async def finish(connection: Connection, plan: Plan) -> Answer | Refused:
        if plan.faults:
            return Refused("conflict", tuple(fault for _, fault in plan.faults))
        account_id, subscriber_id = call.caller.account_id, next(iter(plan.ids.values()), None)
        found = subscriber_id and await read.read_subscription(connection, account_id, list_id, subscriber_id)
        if not found:
            return Refused.conflict("has opted out or is suppressed, and a POST does not lift that", "email")
        location = {"Location": f"/list/{list_id}/subscriber/{subscriber_id}"}
        return Answer(found, 201, location, about=(found["id"],))

    return await upsert(api.database, await _batch(api, call, list_id, wishes), finish, call.remember)


def _wish(number: int, line: NewSubscriber) -> Wish:
    return Wish(
        line=number,
        email=line.email,
        telephone=line.telephone,
        external_id=line.external_id,
        vars=line.vars,
        confirmed=line.confirmed,
        source=line.source,
        consent=line.consent.model_dump() if line.consent else None,
    )


async def _batch(api: Api, call: Call[NoQuery, Lines], list_id: int, wishes: list[Wish]) -> Batch:
    one = len(wishes) == 1
    fresh = [await api.ids.next("subscriber_id")] if one else await api.ids.take("subscriber_id", len(wishes))
    actor = Actor(call.caller.account_id, call.caller.user_id)
    return Batch(actor, AddressHashes(api.secret), list_id, wishes, fresh, str(api.random_id()), api.now())


def _bulk_answer(lines: Lines, plan: Plan, faults: Faults) -> BulkAnswer:
    failures = [*faults, *plan.faults]
    return BulkAnswer(
        created=plan.created,
        updated=plan.updated,
        failed=len({number for number, _ in failures}),
        skipped=plan.skipped,
        ids=[plan.ids.get(number) for number, _ in lines.items],
        errors=line_faults(failures),
    )


async def get_subscriptions(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    (list_id,) = call.ids
    account_id = call.caller.account_id
    if not await read.is_list_known(api.database, account_id, list_id):
        return _no_list(list_id)
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    found, total = await read.read_page(api.database, account_id, list_id, after, call.query.count)
    return answer_page(call.target, found, call.query.count, total, lambda last: [last["id"]])


async def get_subscription(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    list_id, subscriber_id = call.ids
    found = await read.read_subscription(api.database, call.caller.account_id, list_id, subscriber_id)
    return Answer(found) if found else Refused.not_found(f"subscriber {subscriber_id} is not on list {list_id}")


async def get_subscribers(api: Api, call: Call[SubscriberQuery, None]) -> Answer:
    query = call.query
    return Answer(await read.find_subscribers(api.database, call.caller.account_id, query.email, query.telephone))


def _no_list(list_id: int) -> Refused:
    return Refused.not_found(f"there is no list {list_id}")


OPERATIONS = (
    Operation(
        "GET",
        "/list/{list_id}/subscriber",
        "The subscriptions of a list that have not ended",
        get_subscriptions,
        list[SubscriptionAnswer],
        query=PageQuery,
        refusals=(404,),
    ),
    Operation(
        "POST",
        "/list/{list_id}/subscriber",
        "Subscribe one person (201, the subscriber) or up to 10,000 (200, what became of each line)",
        post_subscribers,
        SubscriptionAnswer,
        body=SUBSCRIBER_LINES,
        status=201,
        also_answers={200: BulkAnswer},
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
        limit=16 * MEBIBYTE,
    ),
    Operation(
        "GET",
        "/list/{list_id}/subscriber/{subscriber_id}",
        "One subscriber on a list",
        get_subscription,
        SubscriptionAnswer,
        refusals=(404,),
    ),
    Operation(
        "GET",
        "/subscriber",
        "Whoever has this email or telephone",
        get_subscribers,
        list[SubscriberAnswer],
        query=SubscriberQuery,
    ),
    *person.OPERATIONS,
)
