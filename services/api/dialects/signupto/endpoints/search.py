"""``/v1/search``: the saved searches. ``expression`` is a native query as JSON: no XML was ever published for it."""

from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import Paging, answer_page
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.endpoints.list import Nothing
from services.api.dialects.signupto.envelope import Deleted, many, one
from services.api.dialects.signupto.listing import ID, Pages, SortKey
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.fields import Id, Name, NoQuery, RequestModel, Sought, fault
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.resources.search import routes
from services.api.resources.search.schema import NewSearch, SearchChange
from shared.domain.read_subscriber_query import read_query
from shared.domain.refusal import Fault, Refused

LONGEST_NAME: Final = 64

_PAGES: Final = Pages("searches", {"id": ID, "name": SortKey("name", "text")})


def _query(given: object) -> Any:
    """The text of a query, or the query itself."""
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            raise fault("must be a query as JSON: there is no published schema of the XML") from None
    query = read_query(given)
    if isinstance(query, list):
        raise fault("; ".join(f"{each.field}: {each.message}" if each.field else each.message for each in query))
    return query


Expression = Annotated[Any, AfterValidator(_query)]
ShortName = Annotated[Name, Field(max_length=LONGEST_NAME)]


class SearchArguments(Paging):
    id: Id | None = None
    name: Sought | None = None
    sort: Literal["id", "name"] = "id"


class NewExpression(RequestModel):
    name: ShortName
    expression: Expression
    description: Nothing = None
    type: Literal["audience"] = "audience"


class ExpressionChange(RequestModel):
    id: Id | None = None
    name: ShortName = Field(default_factory=str)
    expression: Expression = Field(default_factory=dict)
    description: Nothing = None
    type: Literal["audience"] = "audience"


class SearchData(TypedDict):
    id: int
    name: str
    description: None
    expression: str
    type: Literal["audience"]
    user_id: None


async def get_searches(api: Api, call: Call[SearchArguments, None]) -> Answer | Refused:
    query = call.query
    rows = await _PAGES.read(api.database, (call.caller.account_id, query.id, query.name), query, query.sort)
    return rows if isinstance(rows, Refused) else answer_page([_data(row) for row in rows], query.count, query.sort)


async def get_search(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    return await carry_out(routes.get_search, api, call, lambda found: one(_data(found)), ids=call.ids)


async def post_search(api: Api, call: Call[NoQuery, NewExpression]) -> Answer | Refused:
    content = NewSearch.model_construct(name=call.content.name, list_id=None, query=call.content.expression)
    done = await carry_out(routes.post_search, api, call, lambda made: one(_data(made), 202), content=content)
    return _in_words(done) if isinstance(done, Refused) else done


async def put_search(api: Api, call: Call[ById, ExpressionChange]) -> Answer | Refused:
    search_id = named(call)
    if search_id is None:
        return Refused.invalid(Fault("id", "is required"))
    given = call.content.model_dump(include={"name", "expression"}, exclude_unset=True)
    words = {"name": "name", "expression": "query"}
    content = SearchChange.model_construct(**{words[name]: getattr(call.content, name) for name in given})

    def spelled(changed: Any) -> Answer:
        return one(_data(changed)) if call.ids else many([_data(changed)])

    done = await carry_out(routes.put_search, api, call, spelled, ids=(search_id,), content=content)
    return about(_in_words(done), search_id) if isinstance(done, Refused) else done


async def delete_search(api: Api, call: Call[ById, None]) -> Answer | Refused:
    search_id = named(call)
    if search_id is None:
        return Refused.invalid(Fault("id", "is required"))

    def gone(removed: Any) -> Answer:
        return many([Deleted(id=removed["id"])])

    done = await carry_out(routes.delete_search, api, call, gone, ids=(search_id,))
    return about(done, search_id) if isinstance(done, Refused) else done


def _in_words(refused: Refused) -> Refused:
    faults = tuple(Fault("expression", each.message) if each.field == "query" else each for each in refused.faults)
    return Refused(refused.because, faults, refused.resource_id)


def _data(found: Any) -> SearchData:
    return SearchData(
        id=found["id"],
        name=found["name"],
        description=None,
        expression=orjson.dumps(found["query"], option=orjson.OPT_SORT_KEYS).decode(),
        type="audience",
        user_id=None,
    )


_ONE = "/search/{search_id}"
_PUT: Final[dict[str, Any]] = {
    "query": ById,
    "body": loose_body(ExpressionChange),
    "refusals": (404, 409, 413, 415),
    "roles": WRITERS,
}
_DELETE: Final[dict[str, Any]] = {"query": ById, "refusals": (404, 409), "roles": WRITERS}

OPERATIONS = (
    operation(
        "GET",
        "/search",
        "The saved searches; 404 if none",
        get_searches,
        list[SearchData],
        query=SearchArguments,
        refusals=(404,),
    ),
    operation(
        "POST",
        "/search",
        "Save a query over subscribers",
        post_search,
        SearchData,
        body=loose_body(NewExpression),
        example={"name": "Spring news", "expression": {"criteria": ["valid"]}},
        status=202,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    operation("GET", _ONE, "One search", get_search, SearchData, refusals=(404,)),
    operation("PUT", "/search", "Change the search of this id", put_search, list[SearchData], **_PUT),
    operation("PUT", _ONE, "Change a search", put_search, SearchData, **_PUT),
    operation("DELETE", "/search", "Remove the search of this id", delete_search, list[Deleted], **_DELETE),
    operation("DELETE", _ONE, "Remove a search that no task waits for", delete_search, list[Deleted], **_DELETE),
)
