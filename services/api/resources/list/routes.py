"""``/list``: parse, handle, answer."""

from typing import Final

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.moments import moment
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import PageQuery, answer_page, read_id_cursor
from services.api.resources.list import read
from services.api.resources.list.schema import ListAnswer, ListChange, NewList
from services.api.still_needed import need_of_list, need_of_name
from shared.domain.identifiers import AccountId, ListId, list_stream
from shared.domain.recipient_list import CreateList, RecipientList, RemoveList, RenameList
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.event_store.read_models.recipient_list import LISTS

TAKEN_OFF_AT_ONCE: Final = 10_000  #: subscriptions of a removed list: about 100 ms of one transaction


async def post_list(api: Api, call: Call[NoQuery, NewList]) -> Answer | Refused:
    account_id, name = call.caller.account_id, call.content.name
    list_id = ListId(await api.ids.next("list_id"))
    async with api.in_turn.turn(("list name", account_id, name)):
        taken = await read.is_name_taken(api.database, account_id, name)
        done = await api.commands.handle(
            LISTS,
            list_stream(list_id),
            CreateList(list_id, AccountId(account_id), name, taken),
            Actor(account_id, call.caller.user_id),
            fresh=True,
            also=lambda state: call.remember(_created(state)),
        )
    return done if isinstance(done, Refused) else _created(done.state)


def _created(state: RecipientList) -> Answer:
    body = ListAnswer(id=state.list_id, name=state.name, subscription_count=0, cdate=moment(state.cdate))
    return Answer(body, 201, {"Location": f"/list/{state.list_id}"})


async def get_lists(api: Api, call: Call[PageQuery, None]) -> Answer | Refused:
    after = read_id_cursor(call.query.start)
    if isinstance(after, Refused):
        return after
    lists, total = await read.read_page(api.database, call.caller.account_id, after, call.query.count)
    return answer_page(call.target, lists, call.query.count, total, lambda last: [last["id"]])


async def get_list(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (list_id,) = call.ids
    found = await read.read_list(api.database, call.caller.account_id, list_id)
    return Answer(found) if found else _missing(list_id)


async def put_list(api: Api, call: Call[NoQuery, ListChange]) -> Answer | Refused:
    (list_id,), account_id, name = call.ids, call.caller.account_id, call.content.name
    found = await read.read_list(api.database, account_id, list_id)
    if found is None:
        return _missing(list_id)
    actor = Actor(account_id, call.caller.user_id)
    async with api.in_turn.turn(("list name", account_id, name)):
        taken = await read.is_name_of_another(api.database, account_id, list_id, name)
        searching = await need_of_name(api.database, call.caller, list_id, found["name"])
        command = RenameList(name, taken, searching)
        done = await api.commands.handle(LISTS, list_stream(ListId(list_id)), command, actor)
    if isinstance(done, Refused):
        return done
    return Answer(ListAnswer(**{**found, "name": done.state.name}))


async def delete_list(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    """Answers what it was."""
    (list_id,), account_id = call.ids, call.caller.account_id
    found = await read.read_list(api.database, account_id, list_id)
    if found is None:
        return _missing(list_id)
    needed = await need_of_list(api.database, call.caller, list_id, found["name"])
    if refused := needed.refusal():
        return refused
    # Chunk by chunk, and the row at last: should this break off, whoever asks again goes on from there.
    terms = (account_id, list_id, TAKEN_OFF_AT_ONCE)
    while await api.database.execute(read.QUERIES["take_off_list"], *terms) == TAKEN_OFF_AT_ONCE:
        pass
    actor = Actor(account_id, call.caller.user_id)
    done = await api.commands.handle(LISTS, list_stream(ListId(list_id)), RemoveList(needed), actor)
    return done if isinstance(done, Refused) else Answer(found)


def _missing(list_id: int) -> Refused:
    return Refused.not_found(f"there is no list {list_id}")


OPERATIONS = (
    Operation("GET", "/list", "The lists of the account", get_lists, list[ListAnswer], query=PageQuery),
    Operation(
        "POST",
        "/list",
        "Make a list",
        post_list,
        ListAnswer,
        body=object_body(NewList),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/list/{list_id}", "One list", get_list, ListAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/list/{list_id}",
        "Give a list another name",
        put_list,
        ListAnswer,
        body=object_body(ListChange),
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "DELETE",
        "/list/{list_id}",
        "Remove a list that nothing is sent to, with its subscriptions; the subscribers stay",
        delete_list,
        ListAnswer,
        refusals=(404, 409),
        roles=WRITERS,
    ),
)
