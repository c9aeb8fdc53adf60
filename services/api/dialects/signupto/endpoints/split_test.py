"""``/v1/splitTest``: the split tests, with the arguments and in the envelope of this dialect.

``message_ids`` is one text with commas. What this dialect does not know a client need not give.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from services.api.dialects.signupto.arguments import Paging
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import many, one
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.dialects.signupto.native_pages import answer_native_page
from services.api.fields import NoQuery, Sought
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.resources.splittest import routes
from services.api.resources.splittest.schema import (
    MessageIds,
    NewSplitTest,
    SplitTestAnswer,
    SplitTestChange,
    SplitTestQuery,
)
from shared.domain.refusal import Fault, Refused
from shared.domain.split_test_terms import Action, Criterion, SegmentType, Tie


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


SeparatedIds = Annotated[
    MessageIds,
    BeforeValidator(_split),
    WithJsonSchema({"type": "string", "description": "ids of 2 to 5 messages, separated by commas"}),
]


class NewSplitTestHere(NewSplitTest):
    message_ids: SeparatedIds


class SplitTestChangeHere(SplitTestChange):
    message_ids: SeparatedIds = Field(default_factory=list)


class SplitTestArguments(SplitTestQuery, Paging):
    """The filters are the native ones."""

    sort: Literal["id", "name", "scheduledtime", "endtime", "cdate"] = "id"
    start: Sought | None = None


class SplitTestData(TypedDict):
    """What the clients know of a split test, and its name."""

    id: int
    name: str
    action: Action
    criterion: Criterion
    delay: float
    message_ids: str
    segmenttype: SegmentType
    segmentvalue: int
    tie: Tie
    winner_task_id: int | None
    list_id: int | None
    search_id: int | None
    scheduledtime: float
    endtime: float | None
    cancelled: bool
    completed: bool
    size: int
    cdate: float


def _data(test: SplitTestAnswer) -> SplitTestData:
    told: dict[str, Any] = {name: test.get(name) for name in SplitTestData.__annotations__}
    return SplitTestData(**{**told, "message_ids": ",".join(map(str, test["message_ids"]))})  # type: ignore[typeddict-item]  # named above


async def get_split_tests(api: Api, call: Call[SplitTestArguments, None]) -> Answer | Refused:
    done = await answer_native_page(routes.get_splittests, SplitTestQuery, api, call)
    return done if isinstance(done, Refused) else _respelled(done)


def _respelled(page: Answer) -> Answer:
    envelope: Any = page.body
    response = envelope["response"]
    return many([_data(test) for test in response["data"]], response["next"])


async def get_split_test(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    return await carry_out(routes.get_splittest, api, call, lambda found: one(_data(found)), ids=call.ids)


async def post_split_test(api: Api, call: Call[NoQuery, NewSplitTest]) -> Answer | Refused:
    return await carry_out(routes.post_splittest, api, call, lambda made: one(_data(made), 202), content=call.content)


async def put_split_test(api: Api, call: Call[ById, SplitTestChange]) -> Answer | Refused:
    splittest_id = named(call)
    if splittest_id is None:
        return Refused.invalid(Fault("id", "is required"))

    def spell(changed: SplitTestAnswer) -> Answer:
        return one(_data(changed)) if call.ids else many([_data(changed)])

    done = await carry_out(routes.put_splittest, api, call, spell, ids=(splittest_id,), content=call.content)
    return about(done, splittest_id) if isinstance(done, Refused) else done


_CHANGE = loose_body(SplitTestChangeHere)

OPERATIONS = (
    operation(
        "GET",
        "/splitTest",
        "The split tests the caller may see; 404 if none",
        get_split_tests,
        list[SplitTestData],
        query=SplitTestArguments,
        refusals=(404,),
    ),
    operation(
        "POST",
        "/splitTest",
        "Try messages on a sample, and send the best to the rest",
        post_split_test,
        SplitTestData,
        body=loose_body(NewSplitTestHere),
        example={
            "name": "Spring news",
            "list_id": 5,
            "message_ids": "3,4",
            "criterion": "open",
            "delay": 1,
            "segmentvalue": 100,
            "scheduledtime": 1_780_000_000,
        },
        status=202,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    operation(
        "PUT",
        "/splitTest",
        "Change or cancel the split test whose id is in the body or the query",
        put_split_test,
        list[SplitTestData],
        query=ById,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    operation("GET", "/splitTest/{splittest_id}", "One split test", get_split_test, SplitTestData, refusals=(404,)),
    operation(
        "PUT",
        "/splitTest/{splittest_id}",
        "Change or cancel a split test",
        put_split_test,
        SplitTestData,
        query=ById,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
)
