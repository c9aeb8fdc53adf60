"""``/search``: parse, handle, answer."""

from typing import Any

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.search import read
from services.api.resources.search.schema import CountAnswer, NewSearch, SearchAnswer, SearchChange
from services.api.still_needed import need_of_search
from shared.audience.count import count_people, find_lists, read_audience
from shared.domain.identifiers import AccountId, ListId, SearchId, search_stream
from shared.domain.refusal import Refused
from shared.domain.saved_search import ChangeSearch, Command, RemoveSearch, SavedSearch, SaveSearch
from shared.domain.subscriber_query import Query, lists_named
from shared.domain.write_subscriber_query import to_json
from shared.event_store.interface import Actor
from shared.event_store.read_models.saved_search import SEARCHES


async def post_search(api: Api, call: Call[NoQuery, NewSearch]) -> Answer | Refused:
    account_id, wish = call.caller.account_id, call.content
    search_id = SearchId(await api.ids.next("search_id"))
    command = SaveSearch(
        search_id=search_id,
        account_id=AccountId(account_id),
        name=wish.name,
        list_id=None if wish.list_id is None else ListId(wish.list_id),
        list_known=await read.is_list_known(api.database, account_id, wish.list_id),
        query=to_json(wish.query),
        unknown_lists=await _unknown_lists(api, account_id, wish.query),
    )
    done = await api.commands.handle(
        SEARCHES,
        search_stream(search_id),
        command,
        Actor(account_id, call.caller.user_id),
        fresh=True,
        also=lambda state: call.remember(_created(state)),
    )
    return done if isinstance(done, Refused) else _created(done.state)


def _created(state: SavedSearch) -> Answer:
    return Answer(read.answer_of_state(state), 201, {"Location": f"/search/{state.search_id}"})


async def _unknown_lists(api: Api, account_id: int, query: Query) -> tuple[str, ...]:
    named = lists_named(query)
    known = await find_lists(api.database, account_id, named)
    return tuple(name for name in named if name not in known)


async def get_searches(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    searches, total = await read.read_page(api.database, call.caller.account_id, after, call.query.count)
    return answer_page(call.target, searches, call.query.count, total, lambda last: [last["id"]])


async def get_search(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (search_id,) = call.ids
    found = await read.read_search(api.database, call.caller.account_id, search_id)
    return Answer(found) if found else _missing(search_id)


async def count_search(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (search_id,), account_id = call.ids, call.caller.account_id
    audience = await read_audience(api.database, account_id, search_id, api.now())
    if audience is None:
        return _missing(search_id)
    async with api.in_turn.turn(f"count of {account_id}"):
        people = await count_people(api.database, account_id, audience, "marketing")
    return Answer(CountAnswer(matched=people.matched, email=people.email, sms=people.sms))


async def put_search(api: Api, call: Call[NoQuery, SearchChange]) -> Answer | Refused:
    (search_id,), account_id, change = call.ids, call.caller.account_id, call.content
    if await read.read_search(api.database, account_id, search_id) is None:
        return _missing(search_id)
    query = change.query if "query" in change.model_fields_set else Query()
    command = ChangeSearch(
        fields=frozenset(change.model_fields_set),
        name=change.name,
        list_id=None if change.list_id is None else ListId(change.list_id),
        list_known=await read.is_list_known(api.database, account_id, change.list_id),
        query=to_json(query),
        unknown_lists=await _unknown_lists(api, account_id, query),
    )
    return await _handle(api, call, command)


async def delete_search(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was."""
    (search_id,), account_id = call.ids, call.caller.account_id
    if await read.read_search(api.database, account_id, search_id) is None:
        return _missing(search_id)
    return await _handle(api, call, RemoveSearch(await need_of_search(api.database, call.caller, search_id)))


async def _handle(api: Api, call: Call[NoQuery, Any], command: Command) -> Answer | Refused:
    stream, actor = search_stream(call.ids[0]), Actor(call.caller.account_id, call.caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(SEARCHES, stream, command, actor)
    return done if isinstance(done, Refused) else Answer(read.answer_of_state(done.state))


def _missing(search_id: int) -> Refused:
    return Refused.not_found(f"there is no search {search_id}")


OPERATIONS = (
    Operation("GET", "/search", "The searches of the account", get_searches, list[SearchAnswer], query=PageQuery),
    Operation(
        "POST",
        "/search",
        "Save a query over subscribers",
        post_search,
        SearchAnswer,
        body=object_body(NewSearch),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/search/{search_id}", "One search", get_search, SearchAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/search/{search_id}",
        "Change a search: tasks that have started keep whom they found",
        put_search,
        SearchAnswer,
        body=object_body(SearchChange),
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "DELETE",
        "/search/{search_id}",
        "Remove a search that nothing is to be sent to",
        delete_search,
        SearchAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
    Operation(
        "GET", "/search/{search_id}/count", "How many people it finds now", count_search, CountAnswer, refusals=(404,)
    ),
)
