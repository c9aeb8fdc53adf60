"""Until when and at which hours a task may be sent, and what is decided about those in doubt: what follows of what."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.decide_task import decide
from shared.domain.identifiers import Instant, ListId
from shared.domain.refusal import Fault, Refused
from shared.domain.send_window import SendWindow
from shared.domain.task import (
    ChangeTask,
    Command,
    DecideInDoubt,
    Event,
    InDoubtDecided,
    StartTask,
    TaskCancelled,
    TaskChanged,
    replay,
)
from tests.unit.shared.task_histories import (
    CANCELLED_LATE,
    CREATED,
    DONE,
    EARLIER,
    LATER,
    NOON,
    PAUSED,
    SCHEDULED,
    SENDING,
    STARTED,
    WISH,
)

END = Instant(LATER + 60)
NIGHT: SendWindow = {"from": "22:00", "to": "06:00", "timezone": "UTC", "days": ["mon"]}
TOO_EARLY = Refused.invalid(Fault("expires", "must be later than now and than scheduledtime"))
EXPIRED_SCHEDULED: list[Event] = [replace(CREATED, scheduledtime=EARLIER, expires=NOON)]
EXPIRED_SENDING: list[Event] = [*EXPIRED_SCHEDULED, *SENDING[1:]]


def put(**wanted: Any) -> ChangeTask:
    return ChangeTask(fields=frozenset(wanted), **wanted)


def changed(**after: Any) -> TaskChanged:
    return replace(TaskChanged("Spring", ListId(5), None, LATER), **after)


def conflict(name: str, message: str) -> Refused:
    return Refused("conflict", (Fault(name, message),))


def too_late(name: str, stage: str) -> Refused:
    return conflict(name, f"cannot be changed any more, the task is {stage}")


def resend(recipients: int) -> DecideInDoubt:
    return DecideInDoubt("resend", recipients)


HOLD = DecideInDoubt("hold", 0)


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param(
            [],
            replace(WISH, expires=END, send_window=NIGHT),
            [replace(CREATED, expires=END, send_window=NIGHT)],
            id="it is created with both",
        ),
        pytest.param([], replace(WISH, expires=LATER), TOO_EARLY, id="it does not expire when it starts"),
        pytest.param([], replace(WISH, expires=EARLIER), TOO_EARLY, id="nor before"),
        pytest.param(
            [], replace(WISH, scheduledtime=EARLIER, expires=NOON), TOO_EARLY, id="nor now, where its start is past"
        ),
        pytest.param(SCHEDULED, put(expires=END), [changed(expires=END)], id="it gets an expiry"),
        pytest.param(SENDING, put(expires=END), [changed(expires=END)], id="also while it is sent"),
        pytest.param(SENDING, put(expires=EARLIER), TOO_EARLY, id="but none that is past"),
        pytest.param(SENDING, put(send_window=NIGHT), [changed(send_window=NIGHT)], id="it gets a window while sent"),
        pytest.param(
            [replace(CREATED, send_window=NIGHT)], put(send_window=None), [changed()], id="and loses it again"
        ),
        pytest.param(
            [replace(CREATED, send_window=NIGHT)], put(send_window=dict(NIGHT)), [], id="the same is no change"
        ),
        pytest.param(
            [replace(CREATED, expires=END)], put(scheduledtime=END), TOO_EARLY, id="it is not put off beyond its expiry"
        ),
        pytest.param(DONE, put(expires=END), too_late("expires", "completed"), id="after its end nothing changes"),
        pytest.param(CANCELLED_LATE, put(send_window=NIGHT), too_late("send_window", "cancelled"), id="nor cancelled"),
        pytest.param(EXPIRED_SENDING, put(expires=END), too_late("expires", "expired"), id="what has expired stays so"),
        pytest.param(EXPIRED_SENDING, put(cancelled=True), [TaskCancelled(NOON)], id="but can be cancelled"),
        pytest.param([*EXPIRED_SCHEDULED, PAUSED], StartTask(2), [STARTED], id="paused and expired it starts to end"),
        pytest.param([replace(CREATED, expires=END), PAUSED], StartTask(2), [], id="paused alone it does not"),
        # those in doubt
        pytest.param(SENDING, resend(3), [InDoubtDecided("resend", 3, NOON)], id="those held are resent"),
        pytest.param(DONE, resend(3), [InDoubtDecided("resend", 3, NOON)], id="also after completion"),
        pytest.param(SENDING, resend(0), [InDoubtDecided("resend", 0, NOON)], id="and those to come, where it held"),
        pytest.param([*SENDING, InDoubtDecided("resend", 3, NOON)], resend(0), [], id="which can be repeated"),
        pytest.param(SENDING, HOLD, [], id="to hold is no change where it holds"),
        pytest.param(
            [*SENDING, InDoubtDecided("resend", 3, NOON)], HOLD, [InDoubtDecided("hold", 0, NOON)], id="else it is one"
        ),
        pytest.param(
            CANCELLED_LATE,
            resend(3),
            conflict("action", "nothing more is sent, the task is cancelled"),
            id="nothing is resent after a cancel",
        ),
        pytest.param(CANCELLED_LATE, HOLD, [], id="which is no reason not to hold"),
        pytest.param(
            EXPIRED_SENDING,
            resend(3),
            conflict("action", "nothing more is sent, the task is expired"),
            id="nor once it has expired",
        ),
        pytest.param([], HOLD, Refused.not_found("there is no such task"), id="of no task nothing is decided"),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then


def test_it_is_what_happened_to_it() -> None:
    task = replay([*SENDING, changed(expires=END, send_window=NIGHT), InDoubtDecided("resend", 3, NOON)])

    assert (task.expires, task.send_window, task.in_doubt, task.sends_again) == (END, NIGHT, "resend", True)
    assert [task.has_expired(Instant(END + step)) for step in (-1, 0, 1)] == [False, True, True]


def test_a_decision_on_nobody_sends_nothing_again() -> None:
    assert not replay([*SENDING, InDoubtDecided("resend", 0, NOON)]).sends_again
