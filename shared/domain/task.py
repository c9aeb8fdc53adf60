"""One task, from its creation to its end: all that is ever decided about it.

A task is one message to one audience at one time. ``decide`` says what follows from a command, ``evolve`` what an event
changes. What became of each recipient is not here: it is in the delivery log.

    scheduled --TaskStarted--> freezing --AudienceFrozen--> sending --TaskCompleted--> completed
        |----------------------TaskCancelled------------------|---------------------> cancelled

The endtime of a cancelled task is its cancellation; senders still record a final state for each of its recipients.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Literal, assert_never

from shared.domain.identifiers import AccountId, Channel, Instant, ListId, MessageId, TaskId, UserId
from shared.domain.refusal import Fault, Refused

InDoubtPolicy = Literal["resend", "hold"]
Stage = Literal["new", "scheduled", "freezing", "sending", "completed", "cancelled"]


# What somebody wants.


@dataclass(frozen=True, slots=True)
class CreateTask:
    """``size`` is the number of mailable subscriptions now; ``message_channel`` and ``target_known`` were looked up."""

    task_id: TaskId
    account_id: AccountId
    user_id: UserId
    channel: Channel
    name: str
    message_id: MessageId
    message_channel: Channel | None  #: None: there is no such message in the account
    list_id: ListId | None
    search_id: int | None
    target_known: bool
    rate: int | None
    in_doubt: InDoubtPolicy
    scheduledtime: Instant
    size: int


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """A PUT: only what is named in ``fields`` is wanted; ``target_known`` concerns the target after the change."""

    fields: frozenset[str]
    cancelled: bool = False
    name: str = ""
    list_id: ListId | None = None
    search_id: int | None = None
    target_known: bool = True
    scheduledtime: Instant = Instant(0.0)


@dataclass(frozen=True, slots=True)
class StartTask:
    """The planner's wish, once the task is due; from now on message and settings are those of this moment."""

    message_version: int


@dataclass(frozen=True, slots=True)
class FreezeAudience:
    """The audience is written down: 0..recipients-1. ``excluded``: who was left out, by reason."""

    recipients: int
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """The tracker's wish, once each recipient has a final state that can be counted."""


Command = CreateTask | ChangeTask | StartTask | FreezeAudience | CompleteTask


# What happened: stored for ever, so a field is only ever added.


@dataclass(frozen=True, slots=True)
class TaskCreated:
    task_id: TaskId
    account_id: AccountId
    user_id: UserId
    channel: Channel
    name: str
    message_id: MessageId
    list_id: ListId | None
    search_id: int | None
    rate: int | None
    in_doubt: InDoubtPolicy
    scheduledtime: Instant
    size: int
    at: Instant


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """The values after the change, of what may change before a task starts."""

    name: str
    list_id: ListId | None
    search_id: int | None
    scheduledtime: Instant


@dataclass(frozen=True, slots=True)
class TaskCancelled:
    at: Instant


@dataclass(frozen=True, slots=True)
class TaskStarted:
    message_version: int
    at: Instant


@dataclass(frozen=True, slots=True)
class AudienceFrozen:
    recipients: int
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    at: Instant


Event = TaskCreated | TaskChanged | TaskCancelled | TaskStarted | AudienceFrozen | TaskCompleted


@dataclass(frozen=True, slots=True)
class Task:
    stage: Stage = "new"
    task_id: TaskId = TaskId(0)
    account_id: AccountId = AccountId(0)
    user_id: UserId = UserId(0)
    channel: Channel = "email"
    name: str = ""
    message_id: MessageId = MessageId(0)
    message_version: int | None = None
    list_id: ListId | None = None
    search_id: int | None = None
    rate: int | None = None
    in_doubt: InDoubtPolicy = "resend"
    scheduledtime: Instant = Instant(0.0)
    size: int = 0
    cdate: Instant = Instant(0.0)
    started_at: Instant | None = None
    endtime: Instant | None = None
    recipients: int | None = None
    excluded: Mapping[str, int] = field(default_factory=dict)

    @property
    def started(self) -> bool:
        return self.started_at is not None


def decide(task: Task, command: Command, now: Instant) -> list[Event] | Refused:
    """What follows from ``command``; asking again for what already holds gives ``[]``."""
    match command:
        case CreateTask():
            return _create(task, command, now)
        case ChangeTask():
            return _change(task, command, now)
        case StartTask(message_version):
            return [TaskStarted(message_version, now)] if task.stage == "scheduled" else []
        case FreezeAudience(recipients, excluded):
            return [AudienceFrozen(recipients, excluded)] if _freezes(task) else []
        case CompleteTask():
            return [TaskCompleted(now)] if task.stage == "sending" else []
        case _:
            assert_never(command)


def _create(task: Task, wish: CreateTask, now: Instant) -> list[Event] | Refused:
    if task.stage != "new":
        return []
    faults = _target_faults(wish.list_id, wish.search_id, wish.target_known)
    if wish.message_channel is None:
        faults.append(Fault("message_id", f"there is no message {wish.message_id}"))
    elif wish.message_channel != wish.channel:
        faults.append(Fault("message_id", f"message {wish.message_id} is for {wish.message_channel}, the task for {wish.channel}"))
    if faults:
        return Refused.invalid(*faults)
    return [
        TaskCreated(
            task_id=wish.task_id,
            account_id=wish.account_id,
            user_id=wish.user_id,
            channel=wish.channel,
            name=wish.name,
            message_id=wish.message_id,
            list_id=wish.list_id,
            search_id=wish.search_id,
            rate=wish.rate,
            in_doubt=wish.in_doubt,
            scheduledtime=max(wish.scheduledtime, now),
            size=wish.size,
            at=now,
        )
    ]


def _target_faults(list_id: int | None, search_id: int | None, known: bool) -> list[Fault]:
    if (list_id is None) == (search_id is None):
        return [Fault("list_id", "exactly one of list_id and search_id must be given")]
    if known:
        return []
    return [
        Fault("list_id", f"there is no list {list_id}")
        if search_id is None
        else Fault("search_id", f"there is no search {search_id}")
    ]


def _change(task: Task, wish: ChangeTask, now: Instant) -> list[Event] | Refused:
    if "cancelled" in wish.fields and not wish.cancelled and task.stage == "cancelled":
        return Refused.conflict("a cancelled task stays cancelled", "cancelled")
    edited = _edited(task, wish, now)
    if isinstance(edited, Refused):
        return edited
    return edited + _cancel(task, now) if "cancelled" in wish.fields and wish.cancelled else edited


def _edited(task: Task, wish: ChangeTask, now: Instant) -> list[Event] | Refused:
    list_id = wish.list_id if "list_id" in wish.fields else task.list_id
    search_id = wish.search_id if "search_id" in wish.fields else task.search_id
    if faults := _target_faults(list_id, search_id, wish.target_known):
        return Refused.invalid(*faults)
    if "scheduledtime" not in wish.fields or wish.scheduledtime == task.scheduledtime:
        scheduledtime = task.scheduledtime
    else:
        scheduledtime = max(wish.scheduledtime, now)
    after = TaskChanged(wish.name if "name" in wish.fields else task.name, list_id, search_id, scheduledtime)
    if after == TaskChanged(task.name, task.list_id, task.search_id, task.scheduledtime):
        return _cancel_refusal(task, wish)
    if task.stage != "scheduled":
        return Refused.conflict(f"the task is {task.stage}: it can be changed only until it starts")
    return [after]


def _cancel_refusal(task: Task, wish: ChangeTask) -> list[Event] | Refused:
    if "cancelled" in wish.fields and wish.cancelled and task.stage == "completed":
        return Refused.conflict("a completed task cannot be cancelled", "cancelled")
    return []


def _cancel(task: Task, now: Instant) -> list[Event]:
    return [] if task.stage == "cancelled" else [TaskCancelled(now)]


def _freezes(task: Task) -> bool:
    # Also after a cancel mid-freeze: whoever was written down by then still needs a state.
    return task.started and task.recipients is None


def evolve(task: Task, event: Event) -> Task:
    match event:
        case TaskCreated():
            return _created(event)
        case TaskChanged(name, list_id, search_id, scheduledtime):
            return replace(task, name=name, list_id=list_id, search_id=search_id, scheduledtime=scheduledtime)
        case TaskStarted(message_version, at):
            return replace(task, stage="freezing", message_version=message_version, started_at=at)
        case AudienceFrozen(recipients, excluded):
            stage: Stage = task.stage if task.stage == "cancelled" else "sending"
            return replace(task, stage=stage, recipients=recipients, excluded=excluded)
        case TaskCancelled(at):
            return replace(task, stage="cancelled", endtime=at)
        case TaskCompleted(at):
            return replace(task, stage="completed", endtime=at)
        case _:
            assert_never(event)


def _created(event: TaskCreated) -> Task:
    return Task(
        stage="scheduled",
        task_id=event.task_id,
        account_id=event.account_id,
        user_id=event.user_id,
        channel=event.channel,
        name=event.name,
        message_id=event.message_id,
        list_id=event.list_id,
        search_id=event.search_id,
        rate=event.rate,
        in_doubt=event.in_doubt,
        scheduledtime=event.scheduledtime,
        size=event.size,
        cdate=event.at,
    )


def replay(history: Iterable[Event]) -> Task:
    return reduce(evolve, history, Task())
