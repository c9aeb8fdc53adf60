"""``/v1/task``: the tasks, with the arguments and in the envelope of this dialect."""

from typing import Literal

from services.api.dialects.signupto.arguments import Paging
from services.api.dialects.signupto.bodies import loose_body
from services.api.dialects.signupto.envelope import many, one
from services.api.dialects.signupto.native import ById, about, carry_out, named, operation
from services.api.dialects.signupto.native_pages import answer_native_page
from services.api.fields import NoQuery, Sought
from services.api.operation import WRITERS, Answer, Api, Call
from services.api.resources.task import routes
from services.api.resources.task.schema import NewTask, TaskAnswer, TaskChange, TaskQuery
from shared.domain.refusal import Fault, Refused


class TaskArguments(TaskQuery, Paging):
    """The filters are the native ones."""

    sort: Literal["id", "name", "scheduledtime", "endtime", "cdate"] = "id"
    start: Sought | None = None


async def get_tasks(api: Api, call: Call[TaskArguments, None]) -> Answer | Refused:
    return await answer_native_page(routes.get_tasks, TaskQuery, api, call)


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
