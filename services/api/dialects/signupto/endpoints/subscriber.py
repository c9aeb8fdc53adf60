"""``/v1/subscriber``: a person is made with the first subscription; somebody known already is a conflict. Deleting one
erases the person.
"""

from dataclasses import replace
from hashlib import md5
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import BeforeValidator
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import Paging, answer_page
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import Deleted, many, one
from services.api.dialects.signupto.listing import ID, Pages, SortKey
from services.api.dialects.signupto.msisdn import to_msisdn, to_telephone
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.fields import Email, Flag, Id, Name, NoQuery, RequestModel, Sought, Telephone, empty_is_null
from services.api.moments import moment
from services.api.operation import ADMINS, WRITERS, Answer, Api, Call
from services.api.resources.subscriber import person
from services.api.resources.subscriber.plan_upsert import Plan, Wish
from services.api.resources.subscriber.read import is_list_known
from services.api.resources.subscriber.schema import SubscriberChange
from services.api.resources.subscriber.upsert import Batch, upsert
from shared.domain.refusal import Fault, Refused
from shared.event_store.interface import Actor
from shared.postgres.database import Connection, Database
from shared.suppression.address_hash import AddressHashes

SOURCE: Final = "api"  #: of subscriptions made here

_PAGES: Final = Pages("subscribers", {"id": ID, "cdate": SortKey("extract(epoch FROM cdate)::float8", "float8")})


def _spelled(value: object) -> object:
    return to_telephone(value) if isinstance(value, str) else value


class SubscriberArguments(Paging):
    id: Id | None = None
    email: Sought | None = None
    msisdn: Sought | None = None
    sort: Literal["id", "cdate"] = "id"


class NewPerson(RequestModel):
    """``firstname`` and ``lastname`` are kept in the subscriber's vars."""

    list_id: Id
    email: Annotated[Email | None, BeforeValidator(empty_is_null)] = None
    msisdn: Annotated[Telephone | None, BeforeValidator(_spelled), BeforeValidator(empty_is_null)] = None
    confirmed: Flag = True
    firstname: Annotated[Name | None, BeforeValidator(empty_is_null)] = None
    lastname: Annotated[Name | None, BeforeValidator(empty_is_null)] = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if given.get("email") in (None, "") and given.get("msisdn") in (None, ""):
            return [Fault("email", "email or msisdn must be given")]
        return []


class PersonChange(RequestModel):
    """What is given changes; empty takes it away."""

    id: Id | None = None
    email: Annotated[Email | None, BeforeValidator(empty_is_null)] = None
    msisdn: Annotated[Telephone | None, BeforeValidator(_spelled), BeforeValidator(empty_is_null)] = None
    firstname: Annotated[Name | None, BeforeValidator(empty_is_null)] = None
    lastname: Annotated[Name | None, BeforeValidator(empty_is_null)] = None


class SubscriberData(TypedDict):
    """``emailsuspended``: no mail goes to the address, whatever the list. ``mdate`` is not known."""

    id: int
    email: str | None
    msisdn: str | None
    emailmd5: str | None
    emailsuspended: bool
    firstname: str | None
    lastname: str | None
    cdate: float
    mdate: None


class KnownAlready(Exception):
    """Takes back what the transaction did to somebody who was there before."""

    def __init__(self, subscriber_id: int | None) -> None:
        super().__init__()
        self.subscriber_id = subscriber_id


async def get_subscribers(api: Api, call: Call[SubscriberArguments, None]) -> Answer | Refused:
    query = call.query
    telephone = to_telephone(query.msisdn) if query.msisdn is not None else None
    filters = (call.caller.account_id, query.id, query.email, telephone)
    rows = await _PAGES.read(api.database, filters, query, query.sort)
    return rows if isinstance(rows, Refused) else answer_page([_data(row) for row in rows], query.count, query.sort)


async def get_subscriber(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    found = await find_subscriber(api.database, call.caller.account_id, call.ids[0])
    return one(_data(found)) if found else Refused.not_found(f"there is no subscriber {call.ids[0]}")


async def find_subscriber(source: Database | Connection, account_id: int, subscriber_id: int) -> Any:
    """The row, or None."""
    rows = await _PAGES.read(source, (account_id, subscriber_id, None, None), Paging())
    return rows[0] if not isinstance(rows, Refused) and rows else None


async def post_subscriber(api: Api, call: Call[NoQuery, NewPerson]) -> Answer | Refused:
    wish, account_id = call.content, call.caller.account_id
    if not await is_list_known(api.database, account_id, wish.list_id):
        return Refused.invalid(Fault("list_id", f"there is no list {wish.list_id}"))
    names = {"firstname": wish.firstname, "lastname": wish.lastname}
    known = {name: value for name, value in names.items() if value is not None}
    fresh = await api.ids.next("subscriber_id")
    new = Wish(1, wish.email, wish.msisdn, None, known, wish.confirmed, SOURCE, None)

    async def finish(connection: Connection, plan: Plan) -> Answer | Refused:
        if not plan.created:
            _take_back(plan)
        return replace(one(_data(await find_subscriber(connection, account_id, fresh)), 202), about=(fresh,))

    try:
        return await upsert(api.database, batch_of(api, call, wish.list_id, new, fresh), finish, call.remember)
    except KnownAlready as known_already:
        fault = Fault("email" if wish.email else "msisdn", "belongs to a subscriber already, or may not be written to")
        return Refused("conflict", (fault,), known_already.subscriber_id)


async def put_subscriber(api: Api, call: Call[ById, PersonChange]) -> Answer | Refused:
    number = named(call)
    if number is None:
        return Refused.invalid(Fault("id", "is required"))
    content = SubscriberChange.model_construct(**_native_change(call.content.model_dump(exclude_unset=True)))
    done = await carry_out(person.put_subscriber, api, call, one, ids=(number,), content=content)
    if isinstance(done, Refused):
        return _in_words(done)
    changed = _data(await find_subscriber(api.database, call.caller.account_id, number))
    return one(changed) if call.ids else many([changed])


def _native_change(given: dict[str, Any]) -> dict[str, Any]:
    names = {name: given[name] for name in ("firstname", "lastname") if name in given}
    own = {theirs: given[word] for word, theirs in (("email", "email"), ("msisdn", "telephone")) if word in given}
    return {**own, **({"vars": names} if names else {})}


def _in_words(refused: Refused) -> Refused:
    faults = (replace(each, field="msisdn") if each.field == "telephone" else each for each in refused.faults)
    return replace(refused, faults=tuple(faults))


async def delete_subscriber(api: Api, call: Call[ById, None]) -> Answer | Refused:
    number = named(call)
    if number is None:
        return Refused.invalid(Fault("id", "is required"))

    def gone(erased: Any) -> Answer:
        return many([Deleted(id=erased["id"])])

    done = await carry_out(person.delete_subscriber, api, call, gone, ids=(number,))
    return about(done, number) if isinstance(done, Refused) else done


def _take_back(plan: Plan) -> NoReturn:
    raise KnownAlready(next(iter(plan.ids.values()), None))


def batch_of(api: Api, call: Call[Any, Any], list_id: int, wish: Wish, fresh: int) -> Batch:
    actor = Actor(call.caller.account_id, call.caller.user_id)
    return Batch(actor, AddressHashes(api.secret), list_id, [wish], [fresh], str(api.random_id()), api.now())


def _data(row: Any) -> SubscriberData:
    email: str | None = row["email"]
    return SubscriberData(
        id=row["id"],
        email=email,
        msisdn=to_msisdn(row["telephone"]),
        emailmd5=md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest() if email else None,
        emailsuspended=row["suspended"],
        firstname=_text(row["vars"].get("firstname")),
        lastname=_text(row["vars"].get("lastname")),
        cdate=moment(row["cdate"]),
        mdate=None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


_ONE = "/subscriber/{subscriber_id}"
_PUT: Final[dict[str, Any]] = {
    "query": ById,
    "body": loose_body(PersonChange),
    "refusals": (404, 409, 413, 415),
    "roles": WRITERS,
}
_DELETE: Final[dict[str, Any]] = {"query": ById, "refusals": (404,), "roles": ADMINS}

OPERATIONS = (
    operation(
        "GET",
        "/subscriber",
        "The subscribers of the account; 404 if none",
        get_subscribers,
        list[SubscriberData],
        query=SubscriberArguments,
        refusals=(404,),
    ),
    operation(
        "POST",
        "/subscriber",
        "Add a person to a list; 409 for somebody known already",
        post_subscriber,
        SubscriberData,
        body=loose_body(NewPerson),
        status=202,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    operation("GET", _ONE, "One subscriber", get_subscriber, SubscriberData, refusals=(404,)),
    operation("PUT", "/subscriber", "Change the subscriber of this id", put_subscriber, list[SubscriberData], **_PUT),
    operation("PUT", _ONE, "Change a subscriber", put_subscriber, SubscriberData, **_PUT),
    operation("DELETE", "/subscriber", "Erase the person of this id", delete_subscriber, list[Deleted], **_DELETE),
    operation("DELETE", _ONE, "Erase a person", delete_subscriber, list[Deleted], **_DELETE),
)
