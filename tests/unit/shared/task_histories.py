"""Tasks at every stage of their lives, as what happened to them."""

from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, TaskId, UserId
from shared.domain.refusal import Fault
from shared.domain.task import (
    AudienceFrozen,
    CreateTask,
    Event,
    TaskCancelled,
    TaskCompleted,
    TaskCreated,
    TaskPaused,
    TaskResumed,
    TaskStarted,
)

NOON = Instant(43_200.0)
LATER, EARLIER = Instant(NOON + 60), Instant(NOON - 60)

WISH = CreateTask(
    task_id=TaskId(9),
    account_id=AccountId(7),
    user_id=UserId(70),
    channel="email",
    name="Spring",
    message_id=MessageId(3),
    message_channel="email",
    list_id=ListId(5),
    search_id=None,
    target_known=True,
    rate=5000,
    in_doubt="hold",
    scheduledtime=LATER,
    size=1000,
)
CREATED = TaskCreated(
    task_id=TaskId(9),
    account_id=AccountId(7),
    user_id=UserId(70),
    channel="email",
    name="Spring",
    message_id=MessageId(3),
    list_id=ListId(5),
    search_id=None,
    rate=5000,
    in_doubt="hold",
    scheduledtime=LATER,
    size=1000,
    at=NOON,
)
STARTED, FROZEN = TaskStarted(2, NOON), AudienceFrozen(990, {"unsubscribed": 10})
CANCELLED, COMPLETED = TaskCancelled(NOON), TaskCompleted(NOON)
PAUSED, RESUMED = TaskPaused("user", None, NOON), TaskResumed(NOON)

SCHEDULED: list[Event] = [CREATED]
FREEZING = [*SCHEDULED, STARTED]
SENDING = [*FREEZING, FROZEN]
DONE = [*SENDING, COMPLETED]
CANCELLED_EARLY = [*SCHEDULED, CANCELLED]
CANCELLED_FREEZING = [*FREEZING, CANCELLED]
CANCELLED_LATE = [*SENDING, CANCELLED]

ONE_TARGET = Fault("list_id", "exactly one of list_id and search_id must be given")
