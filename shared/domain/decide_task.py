"""What follows from a command on a task: its life is told in ``shared.domain.task``. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, assert_never

from shared.domain.identifiers import Instant
from shared.domain.refusal import Fault, Refused
from shared.domain.task import (
    AudienceFrozen,
    ChangeTask,
    Command,
    CompleteTask,
    CreateTask,
    DecideInDoubt,
    Event,
    FreezeAudience,
    Harm,
    InDoubtDecided,
    PauseTask,
    StartTask,
    Task,
    TaskCancelled,
    TaskChanged,
    TaskCompleted,
    TaskCreated,
    TaskPaused,
    TaskResumed,
    TaskStarted,
)

#: How often a person has to end a pause for the same cause until it is the last one for it. Bounces and complaints only
#: add up, so who goes on knows what he does. After refusals a person believes to have mended what was wrong: the next
#: messages show it, and who then goes on all the same insists.
RESUMES_THAT_COUNT: Final[Mapping[Harm, int]] = {"bounces": 1, "complaints": 1, "refusals": 2}


def decide(task: Task, command: Command, now: Instant) -> list[Event] | Refused:
    """What follows from ``command``; asking again for what already holds gives ``[]``."""
    match command:
        case CreateTask():
            return _create(task, command, now)
        case ChangeTask():
            return _change(task, command, now)
        case StartTask(message_version):
            return [TaskStarted(message_version, now)] if _may_start(task, now) else []
        case FreezeAudience(recipients, excluded):
            return [AudienceFrozen(recipients, excluded)] if _freezes(task) else []
        case PauseTask(cause, reason):
            return [TaskPaused(cause, reason, now)] if _may_be_paused(task, cause) else []
        case DecideInDoubt():
            return _decide_in_doubt(task, command, now)
        case CompleteTask():
            return [TaskCompleted(now)] if task.stage == "sending" else []
        case _:
            assert_never(command)


def _create(task: Task, wish: CreateTask, now: Instant) -> list[Event] | Refused:
    if task.stage != "new":
        return []
    faults = target_faults(wish.list_id, wish.search_id, wish.target_known)
    if wish.message_channel is None:
        faults.append(Fault("message_id", f"there is no message {wish.message_id}"))
    elif wish.message_channel != wish.channel:
        its, ours = wish.message_channel, wish.channel
        faults.append(Fault("message_id", f"message {wish.message_id} is for {its}, the task for {ours}"))
    faults += _expiry_faults(wish.expires, max(wish.scheduledtime, now), now)
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
            expires=wish.expires,
            send_window=wish.send_window,
            splittest_id=wish.splittest_id,
            campaign_id=wish.campaign_id,
            segments=wish.segments,
        )
    ]


def target_faults(list_id: int | None, search_id: int | None, known: bool) -> list[Fault]:
    if (list_id is None) == (search_id is None):
        return [Fault("list_id", "exactly one of list_id and search_id must be given")]
    if known:
        return []
    return [
        Fault("list_id", f"there is no list {list_id}")
        if search_id is None
        else Fault("search_id", f"there is no search {search_id}")
    ]


def _expiry_faults(expires: Instant | None, start: Instant, now: Instant) -> list[Fault]:
    if expires is None or expires > max(start, now):
        return []
    return [Fault("expires", "must be later than now and than scheduledtime")]


def _change(task: Task, wish: ChangeTask, now: Instant) -> list[Event] | Refused:
    if task.stage == "new":
        return Refused.not_found("there is no such task")
    before = TaskChanged(task.name, task.list_id, task.search_id, task.scheduledtime, task.expires, task.send_window)
    after = _after(before, wish, now)
    conflicts = _conflicts(task, wish, before, after) + _late_terms(task, before, after, now)
    faults = []
    # What stays is not questioned: a task whose list is gone can still be cancelled, and so can one that has expired.
    if (after.list_id, after.search_id) != (before.list_id, before.search_id):
        faults += target_faults(after.list_id, after.search_id, wish.target_known)
    if (after.expires, after.scheduledtime) != (before.expires, before.scheduledtime):
        faults += _expiry_faults(after.expires, after.scheduledtime, now)
    if faults:
        return Refused.invalid(*faults, *conflicts)
    if conflicts:
        return Refused("conflict", tuple(conflicts))
    changed: list[Event] = [after] if after != before else []
    return changed + _stopped_or_resumed(task, wish, now)


def _stopped_or_resumed(task: Task, wish: ChangeTask, now: Instant) -> list[Event]:
    if wish.cancels and task.stage != "cancelled":
        return [TaskCancelled(now)]
    if wish.pauses and not task.paused:
        return [TaskPaused("user", None, now)]
    return [TaskResumed(now)] if wish.resumes and task.paused else []


def _after(before: TaskChanged, wish: ChangeTask, now: Instant) -> TaskChanged:
    wanted = {name: getattr(wish, name) for name in wish.fields - {"cancelled", "paused"}}
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
    if wish.pauses and task.stage in ("completed", "cancelled"):
        faults.append(Fault("paused", f"a {task.stage} task cannot be paused"))
    if task.splittest_id is not None and (before.list_id, before.search_id) != (after.list_id, after.search_id):
        faults.append(Fault("list_id", f"is that of split test {task.splittest_id}"))
    if task.campaign_id is not None and (before.list_id, before.search_id) != (after.list_id, after.search_id):
        faults.append(Fault("list_id", f"is that of campaign {task.campaign_id}"))
    if task.stage != "scheduled":
        stage = task.stage if task.stage in ("completed", "cancelled") else "started"
        faults += [
            Fault(name, f"cannot be changed any more, the task is {stage}")
            for name in ("name", "list_id", "search_id", "scheduledtime")
            if getattr(before, name) != getattr(after, name)
        ]
    return faults


def _late_terms(task: Task, before: TaskChanged, after: TaskChanged, now: Instant) -> list[Fault]:
    """Expiry and window may change while it is sent, but not for those who have their end by them."""
    if task.stage not in ("completed", "cancelled") and not task.has_expired(now):
        return []
    why = task.stage if task.stage in ("completed", "cancelled") else "expired"
    return [
        Fault(name, f"cannot be changed any more, the task is {why}")
        for name in ("expires", "send_window")
        if getattr(before, name) != getattr(after, name)
    ]


def _decide_in_doubt(task: Task, wish: DecideInDoubt, now: Instant) -> list[Event] | Refused:
    if task.stage == "new":
        return Refused.not_found("there is no such task")
    if wish.action == "hold":
        return [InDoubtDecided("hold", 0, now)] if task.in_doubt != "hold" else []
    if task.stage == "cancelled" or task.has_expired(now):
        why = "cancelled" if task.stage == "cancelled" else "expired"
        return Refused("conflict", (Fault("action", f"nothing more is sent, the task is {why}"),))
    if task.in_doubt == "resend" and not wish.recipients:
        return []
    return [InDoubtDecided("resend", wish.recipients, now)]


def _may_start(task: Task, now: Instant) -> bool:
    # Paused and expired: its recipients come to their end, and there is nothing left to rest.
    return task.stage == "scheduled" and (not task.paused or task.has_expired(now))


def _freezes(task: Task) -> bool:
    # Also after a cancel mid-freeze: whoever was written down by then still needs a state.
    return task.started and task.recipients is None


def _may_be_paused(task: Task, cause: Harm) -> bool:
    running = task.stage in ("scheduled", "freezing", "sending") and not task.paused
    return running and task.overruled.count(cause) < RESUMES_THAT_COUNT[cause]
