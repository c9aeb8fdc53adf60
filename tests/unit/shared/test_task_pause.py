"""A task rests and goes on: by a person's wish at any stage before its end, by the service's as it does harm."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.domain.decide_task import decide
from shared.domain.refusal import Fault, Refused
from shared.domain.task import (
    ChangeTask,
    Command,
    CompleteTask,
    Event,
    FreezeAudience,
    Harm,
    PauseCause,
    PauseTask,
    StartTask,
    Task,
    TaskPaused,
    TaskResumed,
    evolve,
    replay,
)
from tests.unit.shared.task_histories import (
    CANCELLED,
    CANCELLED_EARLY,
    CANCELLED_FREEZING,
    CANCELLED_LATE,
    COMPLETED,
    DONE,
    FREEZING,
    FROZEN,
    NOON,
    PAUSED,
    RESUMED,
    SCHEDULED,
    SENDING,
    WISH,
)

HARMS: tuple[Harm, ...] = ("bounces", "complaints", "refusals")
RUNNING = {"scheduled": SCHEDULED, "freezing": FREEZING, "sending": SENDING}
ENDED = {
    "completed": DONE,
    "cancelled early": CANCELLED_EARLY,
    "cancelled freezing": CANCELLED_FREEZING,
    "cancelled late": CANCELLED_LATE,
}
EVERYWHERE = RUNNING | ENDED


def put(**wanted: Any) -> ChangeTask:
    return ChangeTask(fields=frozenset(wanted), **wanted)


def harm(cause: PauseCause) -> TaskPaused:
    return TaskPaused(cause, "too much", NOON)


def decided(history: Sequence[Event], command: Command) -> list[Event] | Refused:
    return decide(replay(history), command, NOON)


@pytest.mark.parametrize("history", RUNNING.values(), ids=RUNNING)
def test_until_its_end_it_can_be_paused_and_resumed(history: list[Event]) -> None:
    """And wishing for what already holds changes nothing."""
    assert decided(history, put(paused=True)) == [PAUSED]
    assert decided([*history, PAUSED], put(paused=True)) == []
    assert decided([*history, PAUSED], put(paused=False)) == [RESUMED]
    assert decided(history, put(paused=False)) == []


@pytest.mark.parametrize("history", ENDED.values(), ids=ENDED)
def test_what_has_ended_is_not_paused_any_more(history: list[Event]) -> None:
    """Pausing it is a conflict; that it is not paused may always be said."""
    stage = replay(history).stage

    assert decided(history, put(paused=True)) == Refused(
        "conflict", (Fault("paused", f"a {stage} task cannot be paused"),)
    )
    assert decided(history, put(paused=False)) == []
    assert not replay(history).paused


@pytest.mark.parametrize("history", RUNNING.values(), ids=RUNNING)
def test_a_paused_task_is_cancelled_like_any_other(history: list[Event]) -> None:
    """From then on it is cancelled and no longer paused, so that everybody who waits gets a state."""
    assert decided([*history, PAUSED], put(cancelled=True)) == [CANCELLED]
    after = replay([*history, PAUSED, CANCELLED])
    assert (after.stage, after.paused) == ("cancelled", False)


@pytest.mark.parametrize("history", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize("paused", [True, False])
def test_whoever_cancels_says_nothing_of_pausing(history: list[Event], paused: bool) -> None:
    """So a client that puts back all it has read can cancel, and cancel again."""
    assert decided(history, put(cancelled=True, paused=paused)) == decided(history, put(cancelled=True))


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param([*SCHEDULED, PAUSED], StartTask(2), [], id="paused, it does not start"),
        pytest.param(
            [*FREEZING, PAUSED],
            FreezeAudience(990, {"unsubscribed": 10}),
            [FROZEN],
            id="its freeze may end",
        ),
        pytest.param([*SENDING, PAUSED], CompleteTask(), [COMPLETED], id="the last message may have been under way"),
        pytest.param([*SCHEDULED, PAUSED], WISH, [], id="creating it again still changes nothing"),
        pytest.param(
            [], put(paused=True), Refused.not_found("there is no such task"), id="what is not cannot be paused"
        ),
        pytest.param(
            SENDING,
            put(paused=True, name="Summer"),
            Refused("conflict", (Fault("name", "cannot be changed any more, the task is started"),)),
            id="if one of two wishes cannot be, neither is",
        ),
        pytest.param(
            DONE,
            put(paused=True, name="Summer"),
            Refused(
                "conflict",
                (
                    Fault("paused", "a completed task cannot be paused"),
                    Fault("name", "cannot be changed any more, the task is completed"),
                ),
            ),
            id="every conflict is named",
        ),
        pytest.param(SENDING, ChangeTask(fields=frozenset(), paused=True), [], id="what was not named is not wanted"),
    ],
)
def test_what_follows(given: Sequence[Event], when: Command, then: list[Event] | Refused) -> None:
    assert decided(given, when) == then


def test_it_is_renamed_and_paused_in_one_go() -> None:
    both = decided(SCHEDULED, put(paused=True, name="Summer"))

    assert isinstance(both, list)
    assert (replay([*SCHEDULED, *both]).name, replay([*SCHEDULED, *both]).paused) == ("Summer", True)


@pytest.mark.parametrize("cause", HARMS)
class TestHarm:
    """The service pauses for harm, and a person has the last word."""

    @pytest.mark.parametrize("history", RUNNING.values(), ids=RUNNING)
    def test_a_task_that_does_harm_is_paused_once(self, history: list[Event], cause: Harm) -> None:
        assert decided(history, PauseTask(cause, "too much")) == [harm(cause)]
        assert decided([*history, harm(cause)], PauseTask(cause, "more still")) == []
        assert replay([*history, harm(cause)]).pause == harm(cause)

    @pytest.mark.parametrize("history", [*ENDED.values(), []], ids=[*ENDED, "new"])
    def test_what_does_not_run_does_none(self, history: list[Event], cause: Harm) -> None:
        assert decided(history, PauseTask(cause, "too much")) == []

    def test_a_person_s_pause_stays_a_person_s(self, cause: Harm) -> None:
        """And ending it overrules nothing: the harm was not known then."""
        assert decided([*SENDING, PAUSED], PauseTask(cause, "too much")) == []
        assert decided([*SENDING, PAUSED, RESUMED], PauseTask(cause, "too much")) == [harm(cause)]

    def test_resumed_it_is_not_paused_for_that_again(self, cause: Harm) -> None:
        """After refusals the next messages are on trial once more: somebody may have believed to have mended it."""
        times = 2 if cause == "refusals" else 1
        again: list[Event] = [harm(cause), RESUMED]
        before = SENDING + again * (times - 1)

        assert decided(before, PauseTask(cause, "too much")) == [harm(cause)]
        assert decided(before + again, PauseTask(cause, "too much")) == []

    def test_but_for_other_harm_it_is(self, cause: Harm) -> None:
        for other in set(HARMS) - {cause}:
            assert decided([*SENDING, harm(cause), RESUMED], PauseTask(other, "too much")) == [harm(other)]

    def test_a_person_may_resume_it_and_pause_it_anew(self, cause: Harm) -> None:
        assert decided([*SENDING, harm(cause)], put(paused=False)) == [RESUMED]
        assert decided([*SENDING, harm(cause), RESUMED], put(paused=True)) == [PAUSED]


class Life(RuleBasedStateMachine):
    """Any commands in any order: it is paused when the last of pauses and resumes says so, and it has not ended."""

    def __init__(self) -> None:
        super().__init__()
        self.task: Task = replay(SCHEDULED)
        self.paused = self.ended = self.started = False

    def hear(self, command: Command) -> list[Event]:
        events = decide(self.task, command, NOON)
        if isinstance(events, Refused):
            return []
        for event in events:
            self.task = evolve(self.task, event)
        assert decide(self.task, command, NOON) == [] or isinstance(command, StartTask | FreezeAudience | CompleteTask)
        return events

    @rule(paused=st.booleans())
    def a_person_wishes(self, paused: bool) -> None:
        self.hear(put(paused=paused))
        self.paused = self.paused if self.ended else paused

    @rule(cause=st.sampled_from(HARMS))
    def harm_is_seen(self, cause: Harm) -> None:
        self.paused = bool(self.hear(PauseTask(cause, "too much"))) or self.paused

    @rule()
    def it_is_cancelled(self) -> None:
        self.hear(put(cancelled=True))
        self.ended, self.paused = True, False

    @rule(command=st.sampled_from([StartTask(1), FreezeAudience(5, {}), CompleteTask()]))
    def it_goes_on(self, command: Command) -> None:
        events = self.hear(command)
        if isinstance(command, StartTask):
            self.started = self.started or not (self.paused or self.ended)
        if isinstance(command, CompleteTask) and events:
            self.ended, self.paused = True, False

    @invariant()
    def it_is_what_was_wished(self) -> None:
        assert self.task.paused == self.paused
        assert self.task.started == self.started
        assert (self.task.stage in ("completed", "cancelled")) == self.ended


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_resume_of_what_was_not_paused_changes_nothing() -> None:
    """An event that nobody decides any more must still be read."""
    assert evolve(replay(SENDING), TaskResumed(NOON)) == replay(SENDING)
