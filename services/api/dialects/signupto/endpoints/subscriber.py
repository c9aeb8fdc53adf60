"""``/v1/subscriber``: a person is made with the first subscription; somebody known already is a conflict."""

from hashlib import md5
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import BeforeValidator
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import Paging, answer_page
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import one
from services.api.dialects.signupto.listing import ID, Pages, SortKey
from services.api.dialects.signupto.msisdn import to_msisdn, to_telephone
from services.api.dialects.signupto.native import operation
from services.api.fields import Email, Flag, Id, Name, NoQuery, RequestModel, Sought, Telephone, empty_is_null
from services.api.moments import moment
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.resources.subscriber.plan_upsert import Plan, Wish
from services.api.resources.subscriber.read import is_list_known
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
    person = Wish(1, wish.email, wish.msisdn, None, known, wish.confirmed, SOURCE, None)

    async def finish(connection: Connection, plan: Plan) -> Answer | Refused:
        if not plan.created:
            _take_back(plan)
        return one(_data(await find_subscriber(connection, account_id, fresh)), 202)

    try:
        return await upsert(api.database, batch_of(api, call, wish.list_id, person, fresh), finish, call.remember)
    except KnownAlready as known_already:
        fault = Fault("email" if wish.email else "msisdn", "belongs to a subscriber already, or may not be written to")
        return Refused("conflict", (fault,), known_already.subscriber_id)


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
    operation("GET", "/subscriber/{subscriber_id}", "One subscriber", get_subscriber, SubscriberData, refusals=(404,)),
)
