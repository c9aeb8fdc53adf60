"""``/v1/task``: the tasks, with the arguments and in the envelope of this dialect."""

from typing import Any, Final, Literal

from services.api.dialects.signupto.arguments import Kind, Paging, Place, answer_page, read_start
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import many, one
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.fields import NoQuery, Sought
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.paging import write_cursor
from services.api.resources.task import routes
from services.api.resources.task.schema import NewTask, TaskAnswer, TaskChange, TaskQuery
from shared.domain.identifiers import INT63_MAX
from shared.domain.refusal import Fault, Refused

_KINDS: Final[dict[str, Kind]] = {
    "id": "bigint",
    "name": "text",
    "scheduledtime": "float8",
    "endtime": "float8",
    "cdate": "float8",
}


class TaskArguments(TaskQuery, Paging):
    """The filters are the native ones."""

    sort: Literal["id", "name", "scheduledtime", "endtime", "cdate"] = "id"
    start: Sought | None = None


async def get_tasks(api: Api, call: Call[TaskArguments, None]) -> Answer | Refused:
    query = _native_query(call.query)
    if isinstance(query, Refused):
        return query
    page: list[TaskAnswer] = []
    done = await carry_out(routes.get_tasks, api, call, lambda found: _keep(found, page), query=query)
    return done if isinstance(done, Refused) else answer_page(page, call.query.count, call.query.sort)


def _keep(found: Any, page: list[TaskAnswer]) -> Answer:
    page += found
    return many(found)


def _native_query(query: TaskArguments) -> TaskQuery | Refused:
    """One row more than asked for: the first of the next page tells where that begins."""
    cursor = None
    if query.start is not None:
        place = read_start(query.start, _KINDS[query.sort], nullable=query.sort == "endtime")
        if isinstance(place, Refused):
            return place
        cursor = _native_cursor(place, query.sort, reverse=query.reverse)
    given = {name: getattr(query, name) for name in query.model_fields_set if name in TaskQuery.model_fields}
    sort = f"-{query.sort}" if query.reverse else query.sort
    return TaskQuery.model_construct(**{**given, "sort": sort, "count": query.count + 1, "start": cursor})


def _native_cursor(place: Place, sort: str, *, reverse: bool) -> str:
    """The native listing goes on behind its cursor, this one begins with its start."""
    first = place.first_id(reverse=reverse)
    before = min(first + 1, INT63_MAX) if reverse else max(first - 1, 0)
    return write_cursor([f"-{sort}" if reverse else sort, place.key, before])


async def get_task(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    return await carry_out(routes.get_task, api, call, one, ids=call.ids)


async def post_task(api: Api, call: Call[NoQuery, NewTask]) -> Answer | Refused:
    return await carry_out(routes.post_task, api, call, lambda made: one(made, 202), content=call.content)


async def put_task(api: Api, call: Call[ById, TaskChange]) -> Answer | Refused:
    task_id = named(call)
    if task_id is None:
        return Refused.invalid(Fault("id", "is required"))
    spell = one if call.ids else lambda changed: many([changed])
    done = await carry_out(routes.put_task, api, call, spell, ids=(task_id,), content=call.content)
    return about(done, task_id) if isinstance(done, Refused) else done


_CHANGE = loose_body(TaskChange)

OPERATIONS = (
    operation(
        "GET",
        "/task",
        "The tasks the caller may see; 404 if none",
        get_tasks,
        list[TaskAnswer],
        query=TaskArguments,
        refusals=(404,),
    ),
    operation(
        "POST",
        "/task",
        "Send a message to a list at a time",
        post_task,
        TaskAnswer,
        body=loose_body(NewTask),
        status=202,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    operation(
        "PUT",
        "/task",
        "Change or cancel the task whose id is in the body or the query",
        put_task,
        list[TaskAnswer],
        query=ById,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    operation("GET", "/task/{task_id}", "One task", get_task, TaskAnswer, refusals=(404,)),
    operation(
        "PUT",
        "/task/{task_id}",
        "Change or cancel a task",
        put_task,
        TaskAnswer,
        query=ById,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
)
