"""``/v1/subscription``: who is on which list. Deleting one is an unsubscribe, as if the person had asked for it."""

from typing import Any, Final

from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import Paging, answer_page, read_start
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.endpoints.subscriber import SOURCE, batch_of, find_subscriber
from services.api.dialects.signupto.envelope import Deleted, many, one
from services.api.dialects.signupto.listing import QUERIES
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.dialects.signupto.subscription_id import LARGEST, parts_of, subscription_id
from services.api.fields import Flag, Id, NoQuery, RequestModel
from services.api.moments import moment
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.resources.subscriber import person
from services.api.resources.subscriber.plan_upsert import Plan, Wish
from services.api.resources.subscriber.read import is_list_known, read_subscription
from services.api.resources.subscriber.schema import SubscriptionAnswer, SubscriptionChange
from services.api.resources.subscriber.upsert import upsert
from shared.domain.refusal import Fault, Refused
from shared.postgres.database import Connection

SOURCES: Final = frozenset({"form", "sms", "api", "import", "automation"})

_STATEMENTS: Final = {
    False: QUERIES["subscriptions"].format(**{"from": ">=", "direction": "ASC"}),
    True: QUERIES["subscriptions"].format(**{"from": "<=", "direction": "DESC"}),
}


class Which(RequestModel):
    """By its own id, or by those of list and subscriber."""

    id: Id | None = None
    list_id: Id | None = None
    subscriber_id: Id | None = None


class SubscriptionArguments(Which, Paging):
    confirmed: Flag | None = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if not {"id", "list_id", "subscriber_id"} & given.keys():
            return [Fault("id", "one of id, list_id and subscriber_id must be given")]
        return []


class NewSubscription(RequestModel):
    list_id: Id
    subscriber_id: Id
    confirmed: Flag = True


class Confirmation(RequestModel):
    id: Id | None = None
    confirmed: Flag


class SubscriptionData(TypedDict):
    """``source`` is null where it was not told; ``mdate`` is not known."""

    id: int
    list_id: int
    subscriber_id: int
    confirmed: bool
    confirmationredirect: None
    source: str | None
    cdate: float
    mdate: None


async def get_subscriptions(api: Api, call: Call[SubscriptionArguments, None]) -> Answer | Refused:
    query = call.query
    list_id, subscriber_id = query.list_id, query.subscriber_id
    if query.id is not None:
        own = parts_of(query.id)
        if (list_id or own[0], subscriber_id or own[1]) != own:
            return Refused.not_found("nothing was found")
        list_id, subscriber_id = own
    place = read_start(query.start, "bigint") if query.start is not None else None
    if isinstance(place, Refused):
        return place
    start = parts_of(int(place.key) if place and place.key is not None else LARGEST if query.reverse else 0)
    filters = (call.caller.account_id, list_id, subscriber_id, query.confirmed)
    rows = await api.database.fetch(_STATEMENTS[query.reverse], *filters, *start, query.count + 1)
    return answer_page([_data(row) for row in rows], query.count, "id")


async def get_subscription(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    found = await _find(api, call, call.ids[0])
    return one(_spelled(found)) if found else _missing(call.ids[0])


async def post_subscription(api: Api, call: Call[NoQuery, NewSubscription]) -> Answer | Refused:
    """Somebody known to the account; whoever has left the list is not brought back."""
    wish, account_id = call.content, call.caller.account_id
    number = subscription_id(wish.list_id, wish.subscriber_id)
    if not await is_list_known(api.database, account_id, wish.list_id):
        return Refused.invalid(Fault("list_id", f"there is no list {wish.list_id}"))
    if not await find_subscriber(api.database, account_id, wish.subscriber_id):
        return Refused.invalid(Fault("subscriber_id", f"there is no subscriber {wish.subscriber_id}"))
    async with api.in_turn.turn(("subscription", number)):
        if await _find(api, call, number):
            return about(Refused.conflict("is on this list already", "subscriber_id"), number)
        return await _subscribe(api, call, number, lambda made: one(made, 202), confirmed=wish.confirmed, source=SOURCE)


async def put_subscription(api: Api, call: Call[ById, Confirmation]) -> Answer | Refused:
    """Confirming somebody who has left the list brings him back: it is the explicit word that a POST is not."""
    number = named(call)
    if number is None:
        return Refused.invalid(Fault("id", "is required"))
    content = SubscriptionChange.model_construct(confirmed=call.content.confirmed)

    def spelled(changed: Any) -> Answer:
        return one(_spelled(changed)) if call.ids else many([_spelled(changed)])

    done = await carry_out(person.put_subscription, api, call, spelled, ids=parts_of(number), content=content)
    return _about(done, number) if isinstance(done, Refused) else done


def _about(refused: Refused, number: int) -> Refused:
    return _missing(number) if refused.because == "not found" else about(refused, number)


async def _subscribe(
    api: Api, call: Call[Any, Any], number: int, spell: Any, *, confirmed: bool, source: str | None = None
) -> Answer | Refused:
    """By the command that every posted subscriber goes through."""
    list_id, subscriber_id = parts_of(number)
    known = await find_subscriber(api.database, call.caller.account_id, subscriber_id)
    if known is None:
        return _missing(number)
    wish = Wish(1, known["email"], known["telephone"], None, {}, confirmed, source, None)

    async def finish(connection: Connection, plan: Plan) -> Answer | Refused:
        if plan.skipped or plan.faults:
            fault = Fault("subscriber_id", "has left the list, opted out or is suppressed")
            return about(Refused("conflict", (fault,)), number)
        found = await read_subscription(connection, call.caller.account_id, list_id, subscriber_id)
        return spell(_spelled(found)) if found else _missing(number)

    return await upsert(api.database, batch_of(api, call, list_id, wish, 0), finish, call.remember)


async def delete_subscription(api: Api, call: Call[Which, None]) -> Answer | Refused:
    query = call.query
    if not call.ids and query.id is None and (query.list_id is None or query.subscriber_id is None):
        return Refused.invalid(Fault("id", "id, or list_id and subscriber_id, must be given"))
    number = named(call) or subscription_id(query.list_id or 0, query.subscriber_id or 0)
    if await _find(api, call, number) is None:
        return _missing(number)

    def gone(_: Any) -> Answer:
        return many([Deleted(id=number)])

    done = await carry_out(person.delete_subscription, api, call, gone, ids=parts_of(number))
    return _about(done, number) if isinstance(done, Refused) else done


async def _find(api: Api, call: Call[Any, Any], number: int) -> SubscriptionAnswer | None:
    found = await read_subscription(api.database, call.caller.account_id, *parts_of(number))
    return found if found and found["ended"] is None else None


def _missing(number: int) -> Refused:
    return Refused.not_found(f"there is no subscription {number}")


def _spelled(found: SubscriptionAnswer) -> SubscriptionData:
    return _data({**found, "subscriber_id": found["id"], "cdate": found["signup"]})


def _data(row: Any) -> SubscriptionData:
    source = row["source"]
    return SubscriptionData(
        id=subscription_id(row["list_id"], row["subscriber_id"]),
        list_id=row["list_id"],
        subscriber_id=row["subscriber_id"],
        confirmed=row["confirmed"],
        confirmationredirect=None,
        source=source if source is None or source in SOURCES else "other",
        cdate=moment(row["cdate"]),
        mdate=None,
    )


_MORE: Final[dict[str, Any]] = {"refusals": (404, 409, 413, 415), "roles": WRITERS}
_PUT: Final = {"body": loose_body(Confirmation), **_MORE}
_ONE = "/subscription/{subscription_id}"

OPERATIONS = (
    operation(
        "GET",
        "/subscription",
        "The subscriptions of a list or of a subscriber that have not ended; 404 if none",
        get_subscriptions,
        list[SubscriptionData],
        query=SubscriptionArguments,
        refusals=(404,),
    ),
    operation(
        "POST",
        "/subscription",
        "Put a subscriber on a list",
        post_subscription,
        SubscriptionData,
        body=loose_body(NewSubscription),
        status=202,
        **_MORE,
    ),
    operation(
        "PUT",
        "/subscription",
        "Confirm one",
        put_subscription,
        list[SubscriptionData],
        query=ById,
        **_PUT,
    ),
    operation(
        "DELETE",
        "/subscription",
        "Unsubscribe a person from a list",
        delete_subscription,
        list[Deleted],
        query=Which,
        refusals=(404,),
        roles=WRITERS,
    ),
    operation("GET", _ONE, "One subscription", get_subscription, SubscriptionData, refusals=(404,)),
    operation("PUT", _ONE, "Confirm one", put_subscription, SubscriptionData, query=ById, **_PUT),
    operation(
        "DELETE",
        _ONE,
        "Unsubscribe a person from a list",
        delete_subscription,
        list[Deleted],
        query=Which,
        refusals=(404,),
        roles=WRITERS,
    ),
)
