"""One task, from its creation to its end: what may be wanted of it, what happens to it, and what it then is.

A task is one message to one audience at one time. ``decide_task.decide`` says what follows from a command, ``evolve``
what an event changes. What became of each recipient is not here: it is in the delivery log.

    scheduled --TaskStarted--> freezing --AudienceFrozen--> sending --TaskCompleted--> completed
        |----------------------TaskCancelled------------------|---------------------> cancelled

The endtime of a cancelled task is its cancellation; senders still record a final state for each of its recipients.
From creation to its end a task may be paused and resumed: that is beside its stage. Paused it does not start, and
nothing of it is sent. One that has expired is sent to nobody more: whoever is left ends cancelled, and it completes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from typing import Final, Literal, assert_never

from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    Channel,
    Instant,
    ListId,
    MessageId,
    SearchId,
    SplitTestId,
    TaskId,
    UserId,
)
from shared.domain.send_window import SendWindow

InDoubtPolicy = Literal["resend", "hold"]
Stage = Literal["new", "scheduled", "freezing", "sending", "completed", "cancelled"]

#: Why the service itself pauses a task: too many hard bounces or complaints, or a relay that refuses one as the other.
Harm = Literal["bounces", "complaints", "refusals"]
PauseCause = Literal["user"] | Harm


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
    expires: Instant | None = None
    send_window: SendWindow | None = None
    splittest_id: SplitTestId | None = None
    campaign_id: CampaignId | None = None
    segments: tuple[SearchId, ...] = ()  #: of its list; a campaign's task goes to their union


@dataclass(frozen=True, slots=True)
class ChangeTask:
    """A PUT: only what is named in ``fields`` is wanted; ``target_known`` concerns the target after the change."""

    fields: frozenset[str]
    cancelled: bool = False
    paused: bool = False
    name: str = ""
    list_id: ListId | None = None
    search_id: int | None = None
    target_known: bool = True
    scheduledtime: Instant = Instant(0.0)
    expires: Instant | None = None
    send_window: SendWindow | None = None

    @property
    def cancels(self) -> bool:
        return self.cancelled and "cancelled" in self.fields

    @property
    def pauses(self) -> bool:
        """Whoever cancels in the same breath has no wish about pausing left."""
        return self.paused and "paused" in self.fields and not self.cancels

    @property
    def resumes(self) -> bool:
        return not self.paused and "paused" in self.fields and not self.cancels


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
class PauseTask:
    """The service's own wish, as the task does harm. ``reason``: for people; it holds no address."""

    cause: Harm
    reason: str


@dataclass(frozen=True, slots=True)
class DecideInDoubt:
    """A person's word on those of whom nobody knows whether they were sent to. ``recipients``: how many are held."""

    action: InDoubtPolicy
    recipients: int


@dataclass(frozen=True, slots=True)
class CompleteTask:
    """The tracker's wish, once each recipient has a final state that can be counted."""


Command = CreateTask | ChangeTask | StartTask | FreezeAudience | PauseTask | DecideInDoubt | CompleteTask


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
    expires: Instant | None = None
    send_window: SendWindow | None = None
    splittest_id: SplitTestId | None = None
    campaign_id: CampaignId | None = None
    segments: tuple[SearchId, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """The values after the change, of what may change: expiry and window until the end, the others until the start."""

    name: str
    list_id: ListId | None
    search_id: int | None
    scheduledtime: Instant
    expires: Instant | None = None
    send_window: SendWindow | None = None


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
class TaskPaused:
    cause: PauseCause
    reason: str | None  #: None: a person's wish needs none
    at: Instant


@dataclass(frozen=True, slots=True)
class TaskResumed:
    at: Instant


@dataclass(frozen=True, slots=True)
class InDoubtDecided:
    """``recipients``: who was held and is to be sent to once more; 0 where they stay as they are."""

    action: InDoubtPolicy
    recipients: int
    at: Instant


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    at: Instant


End = TaskCancelled | TaskCompleted
Event = TaskCreated | TaskChanged | TaskStarted | AudienceFrozen | TaskPaused | TaskResumed | InDoubtDecided | End


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
    pause: TaskPaused | None = None  #: None: not paused, as is whatever has ended
    overruled: tuple[PauseCause, ...] = ()  #: of the pauses that a person ended, oldest first
    expires: Instant | None = None
    send_window: SendWindow | None = None
    campaign_id: CampaignId | None = None  #: None: it is of no campaign
    segments: tuple[SearchId, ...] = ()
    sends_again: bool = False  #: some who were held were sent to once more, also after its end
    splittest_id: SplitTestId | None = None

    @property
    def started(self) -> bool:
        return self.started_at is not None

    @property
    def paused(self) -> bool:
        return self.pause is not None

    def has_expired(self, now: Instant) -> bool:
        return self.expires is not None and self.expires <= now


def evolve(task: Task, event: Event) -> Task:
    match event:
        case TaskCreated():
            return _created(event)
        case TaskChanged():
            return replace(task, **{each.name: getattr(event, each.name) for each in fields(event)})
        case TaskStarted(message_version, at):
            return replace(task, stage="freezing", message_version=message_version, started_at=at)
        case AudienceFrozen(recipients, excluded):
            stage: Stage = task.stage if task.stage == "cancelled" else "sending"
            return replace(task, stage=stage, recipients=recipients, excluded=excluded)
        case TaskPaused():
            return replace(task, pause=event)
        case TaskResumed():
            overruled = (*task.overruled, task.pause.cause) if task.pause else task.overruled
            return replace(task, pause=None, overruled=overruled)
        case InDoubtDecided(action, recipients):
            return replace(task, in_doubt=action, sends_again=task.sends_again or recipients > 0)
        case TaskCancelled(at):
            return replace(task, stage="cancelled", endtime=at, pause=None)
        case TaskCompleted(at):
            return replace(task, stage="completed", endtime=at, pause=None)
        case _:
            assert_never(event)


def _created(event: TaskCreated) -> Task:
    return Task(stage="scheduled", cdate=event.at, **{name: getattr(event, name) for name in _GIVEN})


_GIVEN: Final = tuple(each.name for each in fields(TaskCreated) if each.name != "at")


def replay(history: Iterable[Event]) -> Task:
    return reduce(evolve, history, Task())
