"""``/task``: parse, handle, answer."""

from collections.abc import Sequence

from services.api.accept import choose
from services.api.body import object_body
from services.api.fields import NoQuery
from services.api.history import HistoryAnswer, read_history
from services.api.operation import WRITERS, Answer, Api, Call, Operation, Stream
from services.api.paging import page_headers, read_id_cursor
from services.api.resources.domain.read import from_fault_of_message
from services.api.resources.task import contacts, in_doubt, read, report
from services.api.resources.task import write_contacts as forms
from services.api.resources.task.answer import row_of, task_answer
from services.api.resources.task.schema import (
    ContactAnswer,
    ContactQuery,
    NewTask,
    ReportAnswer,
    TaskAnswer,
    TaskChange,
    TaskQuery,
)
from services.api.resources.task.size import size_of_search
from services.api.resources.task.window import terms_of
from shared.bus.interface import Hint
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.decide_task import decide
from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, TaskId, UserId, task_stream
from shared.domain.refusal import Fault, Refused
from shared.domain.task import ChangeTask, CreateTask, Event, Task, TaskCancelled, TaskResumed
from shared.event_store.interface import Actor, Write
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Row


async def post_task(api: Api, call: Call[NoQuery, NewTask]) -> Answer | Refused:
    caller, wish = call.caller, call.content
    [needs] = await api.looks.fetch(
        read.QUERIES["what_a_new_task_needs"],
        caller.account_id,
        wish.message_id,
        caller.only_of_user,
        wish.list_id,
        wish.channel,
    )
    found = await size_of_search(api, caller.account_id, wish)
    task_id = TaskId(await api.ids.next("task_id"))
    command = _command(task_id, call, needs, found)
    if refused := await _refused_from(api, command):
        return refused
    created: list[Answer] = []

    def remember(state: Task) -> tuple[Write, ...]:
        created[:] = [_created(state)]  # of the last try, which is the one that is stored
        return call.remember(created[0])

    actor = Actor(caller.account_id, caller.user_id)
    done = await api.commands.handle(TASKS, task_stream(task_id), command, actor, fresh=True, also=remember)
    if isinstance(done, Refused):
        return done
    _hint(api, done.state)
    return created[0]


def _command(task_id: TaskId, call: Call[NoQuery, NewTask], needs: Row, found: int | None) -> CreateTask:
    """``found``: the size of the search; None: there is none, or a list is meant."""
    wish = call.content
    return CreateTask(
        task_id=task_id,
        account_id=AccountId(call.caller.account_id),
        user_id=UserId(call.caller.user_id),
        channel=wish.channel,
        name=wish.name,
        message_id=MessageId(wish.message_id),
        message_channel=needs["message_channel"],
        list_id=None if wish.list_id is None else ListId(wish.list_id),
        search_id=wish.search_id,
        target_known=needs["list_known"] if wish.search_id is None else found is not None,
        rate=wish.rate,
        in_doubt=wish.in_doubt,
        scheduledtime=Instant(wish.scheduledtime),
        size=needs["size"] if found is None else found,
        expires=None if wish.expires is None else Instant(wish.expires),
        send_window=terms_of(wish.send_window),
    )


async def _refused_from(api: Api, command: CreateTask) -> Refused | None:
    """Why the message may not be sent from where it wants to be, with whatever else is wrong."""
    fault = await from_fault_of_message(api.database, command.account_id, command.message_id, api.terms)
    if not fault:
        return None
    others = decide(Task(), command, api.now())
    return Refused.invalid(*(others.faults if isinstance(others, Refused) else ()), Fault("message_id", fault))


def _created(state: Task) -> Answer:
    return Answer(task_answer(row_of(state), {}), 201, {"Location": f"/task/{state.task_id}"})


def _hint(api: Api, state: Task, events: Sequence[Event] = ()) -> None:
    if state.stage == "cancelled" or state.scheduledtime <= api.now():
        api.hints.send("dispatcher", Hint("task_due", state.task_id))
    if any(isinstance(event, TaskResumed | TaskCancelled) for event in events):
        api.hints.send("dispatcher", Hint("batches_ready", state.task_id))


async def put_task(api: Api, call: Call[NoQuery, TaskChange]) -> Answer | Refused:
    caller, change = call.caller, call.content
    task_id = _named(call.ids, change.id)
    if isinstance(task_id, Refused):
        return task_id
    [needs] = await api.database.fetch(
        read.QUERIES["what_a_change_needs"],
        caller.account_id,
        task_id,
        caller.only_of_user,
        change.list_id,
        change.search_id,
    )
    if not needs["task_known"]:
        return _missing(task_id)
    command = ChangeTask(
        fields=frozenset(change.model_fields_set) - {"id"},
        cancelled=change.cancelled,
        paused=change.paused,
        name=change.name,
        list_id=None if change.list_id is None else ListId(change.list_id),
        search_id=change.search_id,
        target_known=(change.list_id is None or needs["list_known"])
        and (change.search_id is None or needs["search_known"]),
        scheduledtime=Instant(change.scheduledtime),
        expires=None if change.expires is None else Instant(change.expires),
        send_window=terms_of(change.send_window),
    )
    stream, actor = task_stream(task_id), Actor(caller.account_id, caller.user_id)
    async with api.in_turn.turn(stream):
        done = await api.commands.handle(TASKS, stream, command, actor)
    if isinstance(done, Refused):
        return done
    if done.events:
        _hint(api, done.state, done.events)
    counts = (await read_counts(api.database, [task_id]))[task_id]
    return Answer(task_answer(row_of(done.state, needs["blocked_reason"]), counts))


def _named(ids: tuple[int, ...], in_body: int | None) -> int | Refused:
    if not ids:
        return in_body or Refused.invalid(Fault("id", "is required"))
    if in_body not in (None, ids[0]):
        return Refused.invalid(Fault("id", f"is not the task of this path, {ids[0]}"))
    return ids[0]


def _missing(task_id: int) -> Refused:
    return Refused.not_found(f"there is no task {task_id}")


async def get_tasks(api: Api, call: Call[TaskQuery, None]) -> Answer | Refused:
    page = await read.read_page(api.database, call.caller, call.query)
    if isinstance(page, Refused):
        return page
    tasks, total, following = page
    return Answer(tasks, headers=page_headers(call.target, total, following))


async def get_task(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (task_id,) = call.ids
    found = await read.read_task(api.database, call.caller, task_id)
    return Answer(found) if found else _missing(task_id)


async def get_contacts(api: Api, call: Call[ContactQuery, None]) -> Stream | Refused:
    (task_id,) = call.ids
    task = await read.read_row(api.database, call.caller, task_id)
    if task is None:
        return _missing(task_id)
    # A cursor is the place behind the last ordinal, as the first ordinal is 0.
    start = read_id_cursor(call.query.start)
    if isinstance(start, Refused):
        return start
    listing = await contacts.list_contacts(api.database, task, call.query, min(start, 2**32) - 1)
    headers = page_headers(call.target, listing.total, [listing.page.max() + 1] if listing.more else None)
    pieces = contacts.read_contacts(api.database, task, listing)
    media = choose(call.accept, forms.MEDIA)
    if media == forms.CSV:
        return Stream(forms.as_csv(pieces, task["channel"]), f"{media}; charset=utf-8", headers)
    return Stream((forms.as_ndjson if media == forms.NDJSON else forms.as_json)(pieces), media, headers)


async def get_report(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (task_id,) = call.ids
    task = await read.read_row(api.database, call.caller, task_id)
    return Answer(await report.read_report(api.database, task)) if task else _missing(task_id)


async def get_history(api: Api, call: Call[NoQuery, None]) -> Answer | Refused:
    (task_id,) = call.ids
    task = await read.read_row(api.database, call.caller, task_id)
    return Answer(await read_history(api.store, task_stream(task_id), "task_id")) if task else _missing(task_id)


_CHANGE = object_body(TaskChange)

OPERATIONS = (
    Operation("GET", "/task", "The tasks the caller may see", get_tasks, list[TaskAnswer], query=TaskQuery),
    Operation(
        "POST",
        "/task",
        "Send a message to a list at a time",
        post_task,
        TaskAnswer,
        body=object_body(NewTask),
        status=201,
        refusals=(409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "PUT",
        "/task",
        "Change, pause or cancel the task whose id is in the body",
        put_task,
        TaskAnswer,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation("GET", "/task/{task_id}", "One task", get_task, TaskAnswer, refusals=(404,)),
    Operation(
        "PUT",
        "/task/{task_id}",
        "Change, pause or cancel a task",
        put_task,
        TaskAnswer,
        body=_CHANGE,
        refusals=(404, 409, 413, 415),
        roles=WRITERS,
    ),
    Operation(
        "GET",
        "/task/{task_id}/contact",
        "What the task did for each recipient",
        get_contacts,
        list[ContactAnswer],
        query=ContactQuery,
        refusals=(404,),
        media=forms.MEDIA,
    ),
    Operation("GET", "/task/{task_id}/report", "What became of the task", get_report, ReportAnswer, refusals=(404,)),
    Operation(
        "GET",
        "/task/{task_id}/history",
        "Who did what to the task when",
        get_history,
        list[HistoryAnswer],
        refusals=(404,),
    ),
    in_doubt.OPERATION,
)
