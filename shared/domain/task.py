"""One task, from its creation to its end: all that is ever decided about it.

A task is one message to one audience at one time. ``decide`` says what follows from a command, ``evolve`` what an event
changes. What became of each recipient is not here: it is in the delivery log.

    scheduled --TaskStarted--> freezing --AudienceFrozen--> sending --TaskCompleted--> completed
        |----------------------TaskCancelled------------------|---------------------> cancelled

The endtime of a cancelled task is its cancellation; senders still record a final state for each of its recipients.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
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

    @property
    def cancels(self) -> bool:
        return self.cancelled and "cancelled" in self.fields


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
        its, ours = wish.message_channel, wish.channel
        faults.append(Fault("message_id", f"message {wish.message_id} is for {its}, the task for {ours}"))
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
    if task.stage == "new":
        return Refused.not_found("there is no such task")
    before = TaskChanged(task.name, task.list_id, task.search_id, task.scheduledtime)
    after = _after(before, wish, now)
    conflicts = _conflicts(task, wish, before, after)
    # A target that stays is not questioned: a task whose list is gone can still be cancelled.
    if (after.list_id, after.search_id) != (before.list_id, before.search_id) and (
        faults := _target_faults(after.list_id, after.search_id, wish.target_known)
    ):
        return Refused.invalid(*faults, *conflicts)
    if conflicts:
        return Refused("conflict", tuple(conflicts))
    changed: list[Event] = [after] if after != before else []
    return [*changed, TaskCancelled(now)] if wish.cancels and task.stage != "cancelled" else changed


def _after(before: TaskChanged, wish: ChangeTask, now: Instant) -> TaskChanged:
    wanted = {name: getattr(wish, name) for name in wish.fields - {"cancelled"}}
    # The old time again is no change, though it may be past by now.
    if wanted.get("scheduledtime", before.scheduledtime) != before.scheduledtime:
        wanted["scheduledtime"] = max(wish.scheduledtime, now)
    return replace(before, **wanted)


def _conflicts(task: Task, wish: ChangeTask, before: TaskChanged, after: TaskChanged) -> list[Fault]:
    faults = []
    if wish.cancels and task.stage == "completed":
        faults.append(Fault("cancelled", "a completed task cannot be cancelled"))
    if "cancelled" in wish.fields and not wish.cancels and task.stage == "cancelled":
        faults.append(Fault("cancelled", "a cancelled task stays cancelled"))
    if task.stage != "scheduled":
        stage = task.stage if task.stage in ("completed", "cancelled") else "started"
        faults += [
            Fault(name, f"cannot be changed any more, the task is {stage}")
            for name in ("name", "list_id", "search_id", "scheduledtime")
            if getattr(before, name) != getattr(after, name)
        ]
    return faults


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
    given = {each.name: getattr(event, each.name) for each in fields(event) if each.name != "at"}
    return Task(stage="scheduled", cdate=event.at, **given)


def replay(history: Iterable[Event]) -> Task:
    return reduce(evolve, history, Task())
