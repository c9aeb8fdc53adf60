"""The life of a task, as history, command and what follows."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.domain.decide_task import decide
from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, TaskId, UserId
from shared.domain.refusal import Fault, Refused
from shared.domain.task import (
    Command,
    CompleteTask,
    Event,
    FreezeAudience,
    StartTask,
    Task,
    TaskChanged,
    replay,
)
from tests.unit.shared.task_histories import (
    CANCELLED_EARLY,
    CANCELLED_FREEZING,
    CANCELLED_LATE,
    COMPLETED,
    CREATED,
    DONE,
    EARLIER,
    FREEZING,
    FROZEN,
    LATER,
    NOON,
    ONE_TARGET,
    SCHEDULED,
    SENDING,
    STARTED,
    WISH,
)


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([], WISH, SCHEDULED, id="a task is created as wished"),
        pytest.param(
            [],
            replace(WISH, scheduledtime=EARLIER),
            [replace(CREATED, scheduledtime=NOON)],
            id="a time that is past becomes now",
        ),
        pytest.param(
            [],
            replace(WISH, list_id=None, search_id=4),
            [replace(CREATED, list_id=None, search_id=4)],
            id="a search is as good a target as a list",
        ),
        pytest.param(
            [], replace(WISH, search_id=4), Refused.invalid(ONE_TARGET), id="not to a list and a search together"
        ),
        pytest.param([], replace(WISH, list_id=None), Refused.invalid(ONE_TARGET), id="nor to neither"),
        pytest.param(
            [],
            replace(WISH, target_known=False),
            Refused.invalid(Fault("list_id", "there is no list 5")),
            id="nor to a list that is not there",
        ),
        pytest.param(
            [],
            replace(WISH, list_id=None, search_id=4, target_known=False),
            Refused.invalid(Fault("search_id", "there is no search 4")),
            id="nor to a search that is not there",
        ),
        pytest.param(
            [],
            replace(WISH, message_channel="sms"),
            Refused.invalid(Fault("message_id", "message 3 is for sms, the task for email")),
            id="nor with a message of the other channel",
        ),
        pytest.param(
            [],
            replace(WISH, message_channel=None, list_id=None),
            Refused.invalid(ONE_TARGET, Fault("message_id", "there is no message 3")),
            id="everything that is wrong is said at once",
        ),
        pytest.param(SCHEDULED, WISH, [], id="creating it again changes nothing"),
        pytest.param(SCHEDULED, StartTask(2), [STARTED], id="it starts with the message as it is then"),
        pytest.param(FREEZING, StartTask(3), [], id="and only once"),
        pytest.param(CANCELLED_EARLY, StartTask(2), [], id="cancelled, it never starts"),
        pytest.param(FREEZING, FreezeAudience(990, {"unsubscribed": 10}), [FROZEN], id="its audience is frozen"),
        pytest.param(SENDING, FreezeAudience(1, {}), [], id="and only once, too"),
        pytest.param(SCHEDULED, FreezeAudience(1, {}), [], id="not before it has started"),
        pytest.param(
            CANCELLED_FREEZING,
            FreezeAudience(990, {"unsubscribed": 10}),
            [FROZEN],
            id="whoever was written down before a cancel still counts",
        ),
        pytest.param(CANCELLED_EARLY, FreezeAudience(1, {}), [], id="nobody was before it started"),
        pytest.param(SENDING, CompleteTask(), [COMPLETED], id="it is completed when all have a state"),
        pytest.param(DONE, CompleteTask(), [], id="once"),
        pytest.param(FREEZING, CompleteTask(), [], id="not before the audience is known"),
        pytest.param(CANCELLED_LATE, CompleteTask(), [], id="and never when cancelled"),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_a_task_knows_what_it_was_created_with() -> None:
    task = replay(SCHEDULED)

    assert task == Task(
        stage="scheduled",
        task_id=TaskId(9),
        account_id=AccountId(7),
        user_id=UserId(70),
        channel="email",
        name="Spring",
        message_id=MessageId(3),
        message_version=None,
        list_id=ListId(5),
        search_id=None,
        rate=5000,
        in_doubt="hold",
        scheduledtime=LATER,
        size=1000,
        cdate=NOON,
        started_at=None,
        endtime=None,
        recipients=None,
        excluded={},
    )


def test_a_change_leaves_the_rest_and_the_size_alone() -> None:
    before, after = replay(SCHEDULED), replay([*SCHEDULED, TaskChanged("Summer", None, 4, NOON)])

    assert after == replace(before, name="Summer", list_id=None, search_id=4, scheduledtime=NOON)


@pytest.mark.parametrize(
    ("history", "stage", "started", "endtime", "recipients"),
    [
        pytest.param(SCHEDULED, "scheduled", False, None, None, id="scheduled"),
        pytest.param(FREEZING, "freezing", True, None, None, id="freezing"),
        pytest.param(SENDING, "sending", True, None, 990, id="sending"),
        pytest.param(DONE, "completed", True, NOON, 990, id="completed"),
        pytest.param(CANCELLED_EARLY, "cancelled", False, NOON, None, id="cancelled before it started"),
        pytest.param(CANCELLED_LATE, "cancelled", True, NOON, 990, id="cancelled while it was sent"),
        pytest.param(
            [*CANCELLED_FREEZING, FROZEN],
            "cancelled",
            True,
            NOON,
            990,
            id="frozen after the cancel, it stays cancelled",
        ),
    ],
)
def test_how_far_a_task_is(
    history: Sequence[Event], stage: str, started: bool, endtime: Instant | None, recipients: int | None
) -> None:
    task = replay(history)

    assert (task.stage, task.started, task.endtime, task.recipients) == (stage, started, endtime, recipients)


def test_a_started_task_keeps_its_message_version_and_who_was_left_out() -> None:
    task = replay(SENDING)

    assert (task.message_version, task.excluded) == (2, {"unsubscribed": 10})
