"""``/splittest``: parse, handle, answer."""

from typing import Any, Final

from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.operation import WRITERS, Answer, Api, Call, Operation
from services.api.paging import page_headers
from services.api.resources.splittest import read
from services.api.resources.splittest.answer import row_of, splittest_answer
from services.api.resources.splittest.schema import NewSplitTest, SplitTestAnswer, SplitTestChange, SplitTestQuery
from shared.bus.interface import Hint
from shared.domain.decide_split_test import decide
from shared.domain.identifiers import (
    AccountId,
    Instant,
    ListId,
    MessageId,
    SearchId,
    SplitTestId,
    UserId,
    splittest_stream,
)
from shared.domain.refusal import Fault, Refused
from shared.domain.split_test import ChangeSplitTest, CreateSplitTest, SplitTest
from shared.domain.split_test_terms import Terms
from shared.event_store.interface import Actor
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow

#: What a PUT says beside the terms.
_NO_TERMS: Final = frozenset({"id", "cancelled", "winner_message_id"})


async def post_splittest(api: Api, call: Call[NoQuery, NewSplitTest]) -> Answer | Refused:
    caller, wish = call.caller, call.content
    looked = await read.look_up(api, caller, wish.message_ids, wish.list_id, wish.search_id)
    command = CreateSplitTest(
        splittest_id=SplitTestId(await api.ids.next("splittest_id")),
        account_id=AccountId(caller.account_id),
        user_id=UserId(caller.user_id),
        terms=_terms(wish),
        rate=wish.rate,
        in_doubt=wish.in_doubt,
        size=await read.count(api, caller, looked),
        known=looked.known,
        target_known=looked.audience is not None,
    )
    if looked.faults:
        others = decide(SplitTest(), command, api.now())
        return Refused.invalid(*(others.faults if isinstance(others, Refused) else ()), *looked.faults)
    done = await api.commands.handle(
        SPLIT_TESTS,
        splittest_stream(command.splittest_id),
        command,
        Actor(caller.account_id, caller.user_id),
        fresh=True,
        also=lambda state: call.remember(_created(state)),
    )
    if isinstance(done, Refused):
        return done
    _hint(api, done.state)
    return _created(done.state)


def _terms(wish: NewSplitTest) -> Terms:
    return Terms(
        name=wish.name,
        message_ids=tuple(map(MessageId, wish.message_ids)),
        list_id=None if wish.list_id is None else ListId(wish.list_id),
        search_id=None if wish.search_id is None else SearchId(wish.search_id),
        criterion=wish.criterion,
        action=wish.action,
        delay=wish.delay,
        segmenttype=wish.segmenttype,
        segmentvalue=wish.segmentvalue,
        tie=wish.tie,
        scheduledtime=Instant(wish.scheduledtime),
    )


def _created(state: SplitTest) -> Answer:
    return Answer(splittest_answer(row_of(state)), 201, {"Location": f"/splittest/{state.splittest_id}"})


def _hint(api: Api, state: SplitTest) -> None:
    """The planner looks for what is due, and senders whether something of theirs is cancelled."""
    if state.stage != "scheduled" or state.terms.scheduledtime <= api.now():
        api.hints.send("dispatcher", Hint("task_due", state.rest_task_id or 0))
    if state.stage == "cancelled":
        api.hints.send("dispatcher", Hint("batches_ready"))


async def put_splittest(api: Api, call: Call[NoQuery, SplitTestChange]) -> Answer | Refused:
    caller, change = call.caller, call.content
    splittest_id = _named(call.ids, change.id)
    if isinstance(splittest_id, Refused):
        return splittest_id
    before = await read.read_splittest(api.database, caller, splittest_id)
    if before is None:
        return _missing(splittest_id)
    said = change.model_fields_set
    message_ids = change.message_ids if "message_ids" in said else before["message_ids"]
    looked = await read.look_up(api, caller, message_ids, change.list_id, change.search_id)
    if looked.faults and "message_ids" in said:
        return Refused.invalid(*looked.faults)
    command = ChangeSplitTest(
        wanted=_wanted(change),
        winner_message_id=None if change.winner_message_id is None else MessageId(change.winner_message_id),
        cancelled=change.cancelled if "cancelled" in said else None,
        known=looked.known,
        target_known=looked.audience is not None,
    )
    stream, actor = splittest_stream(splittest_id), Actor(caller.account_id, caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(SPLIT_TESTS, stream, command, actor, then=follow)
    if isinstance(done, Refused):
        return done
    if done.events:
        _hint(api, done.state)
    return Answer(splittest_answer(row_of(done.state)))


def _wanted(change: SplitTestChange) -> dict[str, Any]:
    wanted = {name: getattr(change, name) for name in change.model_fields_set - _NO_TERMS}
    return wanted | ({"message_ids": tuple(change.message_ids)} if "message_ids" in wanted else {})


def _named(ids: tuple[int, ...], in_body: int | None) -> int | Refused:
    if not ids:
        return in_body or Refused.invalid(Fault("id", "is required"))
    if in_body not in (None, ids[0]):
        return Refused.invalid(Fault("id", f"is not the split test of this path, {ids[0]}"))
    return ids[0]


def _missing(splittest_id: int) -> Refused:
    return Refused.not_found(f"there is no split test {splittest_id}")


async def get_splittests(api: Api, call: Call[SplitTestQuery, None]) -> Answer | Refused:
    page = await read.read_page(api.database, call.caller, call.query)
    if isinstance(page, Refused):
        return page
    tests, total, following = page
    return Answer(tests, headers=page_headers(call.target, total, following))


async def get_splittest(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (splittest_id,) = call.ids
    found = await read.read_splittest(api.database, call.caller, splittest_id)
    return Answer(found) if found else _missing(splittest_id)


_CHANGE = object_body(SplitTestChange)

OPERATIONS = (
    Operation(
        "GET",
        "/splittest",
        "The split tests the caller may see",
        get_splittests,
        list[SplitTestAnswer],
        query=SplitTestQuery,
    ),
    Operation(
        "POST",
        "/splittest",
        "Try messages on a sample, and send the best to the rest",
        post_splittest,
        SplitTestAnswer,
        body=object_body(NewSplitTest),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "PUT",
        "/splittest",
        "Change or cancel the split test whose id is in the body, or name its winner",
        put_splittest,
        SplitTestAnswer,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/splittest/{splittest_id}", "One split test", get_splittest, SplitTestAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/splittest/{splittest_id}",
        "Change or cancel a split test, or name its winner",
        put_splittest,
        SplitTestAnswer,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
)
