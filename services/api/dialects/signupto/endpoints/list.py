"""``/v1/list``: what Postroom has no data for is null; a note or a folder that would be lost is refused."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import DEFAULT_COUNT, Paging, answer_page
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import Deleted, many, one
from services.api.dialects.signupto.listing import ID, Pages, SortKey
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.fields import Id, Name, NoQuery, RequestModel, Sought, empty_is_null
from services.api.moments import moment
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.resources.list import routes
from services.api.resources.list.schema import ListChange, NewList
from shared.domain.refusal import Fault, Refused

#: Attributes of the original that have no counterpart; they may be given as long as they say nothing.
Nothing = Annotated[None, BeforeValidator(empty_is_null), Field(description="Postroom keeps no such thing")]

_PAGES: Final = Pages(
    "lists",
    {"id": ID, "name": SortKey("name", "text"), "cdate": SortKey("extract(epoch FROM cdate)::float8", "float8")},
)


class ListArguments(Paging):
    id: Id | None = None
    name: Sought | None = None
    sort: Literal["id", "name", "cdate"] = "id"


class NewNamedList(RequestModel):
    name: Name
    folder_id: Nothing = None
    note: Nothing = None


class NamedListChange(NewNamedList):
    id: Id | None = None


class ListData(TypedDict):
    """``deletable``: no task to it is under way. ``mdate``: when it was last named."""

    id: int
    folder_id: None
    name: str
    note: None
    deletable: bool
    subscription_count: int
    automation_count: None
    form_count: None
    optin: None
    smsautomation_count: None
    smsdefault: None
    cdate: float
    mdate: float


async def get_lists(api: Api, call: Call[ListArguments, None]) -> Answer | Refused:
    query = call.query
    filters = (call.caller.account_id, query.id, query.name)
    rows = await _PAGES.read(api.database, filters, query, query.sort)
    return rows if isinstance(rows, Refused) else answer_page([_data(row) for row in rows], query.count, query.sort)


async def get_list(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    return await _answer_one(api, call, call.ids[0])


async def _answer_one(api: Api, call: Call[Any, Any], list_id: int, spell: Any = one) -> Answer | Refused:
    by_id = ListArguments.model_construct(count=1, reverse=False, start=None)
    rows = await _PAGES.read(api.database, (call.caller.account_id, list_id, None), by_id)
    if isinstance(rows, Refused):
        return rows
    return spell(_data(rows[0])) if rows else Refused.not_found(f"there is no list {list_id}")


async def post_list(api: Api, call: Call[NoQuery, NewNamedList]) -> Answer | Refused:
    content = NewList.model_construct(name=call.content.name)
    done = await carry_out(routes.post_list, api, call, _made, content=content)
    if not isinstance(done, Refused) or done.because != "conflict":
        return done
    same = ListArguments.model_construct(count=DEFAULT_COUNT, reverse=False, start=None)
    rows = await _PAGES.read(api.database, (call.caller.account_id, None, call.content.name), same)
    return about(done, rows[0]["id"] if not isinstance(rows, Refused) and rows else None)


def _made(list_: Any) -> Answer:
    return one(_data({**list_, "mdate": list_["cdate"], "deletable": True}), 202)


async def put_list(api: Api, call: Call[ById, NamedListChange]) -> Answer | Refused:
    list_id = named(call)
    if list_id is None:
        return Refused.invalid(Fault("id", "is required"))
    content = ListChange.model_construct(name=call.content.name)
    done = await carry_out(routes.put_list, api, call, one, ids=(list_id,), content=content)
    if isinstance(done, Refused):
        return about(done, list_id)
    return await _answer_one(api, call, list_id, one if call.ids else lambda data: many([data]))


async def delete_list(api: Api, call: Call[ById, None]) -> Answer | Refused:
    list_id = named(call)
    if list_id is None:
        return Refused.invalid(Fault("id", "is required"))
    done = await carry_out(routes.delete_list, api, call, lambda gone: many([Deleted(id=gone["id"])]), ids=(list_id,))
    return about(done, list_id) if isinstance(done, Refused) else done


def _data(found: Any) -> ListData:
    return ListData(
        id=found["id"],
        folder_id=None,
        name=found["name"],
        note=None,
        deletable=found["deletable"],
        subscription_count=found["subscription_count"],
        automation_count=None,
        form_count=None,
        optin=None,
        smsautomation_count=None,
        smsdefault=None,
        cdate=moment(found["cdate"]),
        mdate=moment(found["mdate"]),
    )


_PUT: Final[dict[str, Any]] = {
    "query": ById,
    "body": loose_body(NamedListChange),
    "refusals": (404, 409, 413, 415),
    "roles": WRITERS,
}
_DELETE: Final[dict[str, Any]] = {"query": ById, "refusals": (404, 409), "roles": WRITERS}

OPERATIONS = (
    operation(
        "GET",
        "/list",
        "The lists of the account; 404 if none",
        get_lists,
        list[ListData],
        query=ListArguments,
        refusals=(404,),
    ),
    operation(
        "POST",
        "/list",
        "Make a list",
        post_list,
        ListData,
        body=loose_body(NewNamedList),
        status=202,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    operation("GET", "/list/{list_id}", "One list", get_list, ListData, refusals=(404,)),
    operation("PUT", "/list", "Give the list whose id is in the body another name", put_list, list[ListData], **_PUT),
    operation("PUT", "/list/{list_id}", "Give a list another name", put_list, ListData, **_PUT),
    operation("DELETE", "/list", "Remove the list whose id is given", delete_list, list[Deleted], **_DELETE),
    operation("DELETE", "/list/{list_id}", "Remove a list", delete_list, list[Deleted], **_DELETE),
)
