"""The decisions on a split test: what follows from each command at each stage of its life."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.decide_split_test import decide
from shared.domain.identifiers import MessageId
from shared.domain.refusal import Fault, Refused
from shared.domain.split_test import (
    ChangeSplitTest,
    Command,
    CompleteSplitTest,
    Event,
    MeasureSplitTest,
    SplitTest,
    SplitTestCancelled,
    SplitTestChanged,
    SplitTestCompleted,
    SplitTestDrawn,
    SplitTestMeasured,
    SplitTestStarted,
    StartSplitTest,
    WinnerChosen,
    replay,
)
from shared.domain.split_test_terms import Figures, KnownMessage
from tests.unit.shared.split_test_histories import (
    DRAW,
    EARLIER,
    EVEN,
    KNOWN,
    NOON,
    SECOND,
    START,
    TERMS,
    WISH,
    after,
    change,
    evolved,
)


def faults_of(decided: object) -> set[str]:
    assert isinstance(decided, Refused), decided
    return {fault.field for fault in decided.faults}


def test_a_replay_is_the_same_as_event_by_event() -> None:
    events: list[Event] = []
    for command in (WISH, START, DRAW, SECOND, CompleteSplitTest()):
        decided = decide(replay(events), command, NOON)
        assert isinstance(decided, list)
        events += decided

    assert replay(events) == after(START, DRAW, SECOND, CompleteSplitTest())


def test_a_past_time_becomes_now_and_the_rest_stays_as_it_was_given() -> None:
    state = after(scheduledtime=EARLIER)

    assert state.terms == replace(TERMS, scheduledtime=NOON)
    assert (state.stage, state.size, state.rate, state.in_doubt, state.cdate) == ("scheduled", 100, 600, "hold", NOON)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"message_ids": (1,)}, "message_ids"),
        ({"message_ids": (1, 2, 3, 1)}, "message_ids"),
        ({"message_ids": (1, 2, 4)}, "message_ids"),
        ({"message_ids": (1, 2, 8)}, "message_ids"),
        ({"message_ids": (1, 9)}, "criterion"),
        ({"message_ids": (1, 10), "criterion": "click"}, "criterion"),
        ({"list_id": None}, "list_id"),
        ({"search_id": 4}, "list_id"),
        ({"segmentvalue": 101}, "segmentvalue"),
        ({"segmentvalue": 0}, "segmentvalue"),
        ({"segmenttype": "number", "segmentvalue": 2}, "segmentvalue"),
        ({"delay": 8_761.0}, "delay"),
        ({"delay": -0.1}, "delay"),
    ],
)
def test_what_cannot_be_is_refused_by_name(terms: dict[str, Any], field: str) -> None:
    """8 is an SMS, 9 does not track opens, 10 no clicks, 4 is not there."""
    known = {
        **KNOWN,
        8: KnownMessage("sms", tracks_opens=False, tracks_clicks=False),
        9: KnownMessage("email", tracks_opens=False, tracks_clicks=True),
        10: KnownMessage("email", tracks_opens=True, tracks_clicks=False),
    }
    wish = replace(WISH, terms=replace(TERMS, **terms), known=known)

    assert faults_of(decide(SplitTest(), wish, NOON)) == {field}


def test_every_fault_is_named_at_once() -> None:
    terms = replace(TERMS, message_ids=(MessageId(4), MessageId(4)), delay=-1.0, segmentvalue=0)
    wish = replace(WISH, terms=terms, rate=1, target_known=False)

    assert faults_of(decide(SplitTest(), wish, NOON)) == {"message_ids", "delay", "segmentvalue", "rate", "list_id"}


def test_a_life_in_order() -> None:
    """Start, draw, measure, complete: each once, and again it changes nothing."""
    steps: list[tuple[Command, list[Event]]] = [
        (START, [SplitTestStarted(START.task_ids, START.rest_task_id, NOON)]),
        (DRAW, [SplitTestDrawn(100, 6, (10, 10, 10), NOON)]),
        (
            SECOND,
            [
                SplitTestMeasured((10, 10, 10), (2, 3, 9), (MessageId(2),), NOON),
                WinnerChosen(MessageId(2), "score", NOON),
            ],
        ),
        (CompleteSplitTest(), [SplitTestCompleted(NOON)]),
    ]
    state = after()
    for command, expected in steps:
        decided = decide(state, command, NOON)
        assert decided == expected
        state = evolved(state, expected)
        assert decide(state, command, NOON) == []
    assert (state.stage, state.rest, state.winner_task_id, state.endtime) == ("completed", 70, 14, NOON)


def test_ids_for_another_number_of_messages_start_nothing() -> None:
    assert decide(after(), StartSplitTest(START.task_ids[:2], START.rest_task_id), NOON) == []


@pytest.mark.parametrize(
    ("terms", "winner", "why"),
    [({"tie": "first"}, 1, "tie"), ({"tie": "random"}, 1, "tie"), ({"tie": "tellme"}, None, None)],
)
def test_a_tie(terms: dict[str, Any], winner: int | None, why: str | None) -> None:
    """The seed is 6, and there are three of them."""
    state = after(START, DRAW, EVEN, **terms)

    assert state.measured
    assert state.measured.leaders == (1, 2, 3)
    assert (state.winner and state.winner.message_id, state.winner and state.winner.why) == (winner, why)


def test_told_alone_it_waits_for_a_person_who_may_choose_another() -> None:
    state = after(START, DRAW, SECOND, action="tellme")

    assert (state.stage, state.winner_task_id) == ("measured", None)
    assert decide(state, change(winner_message_id=3), NOON) == [WinnerChosen(MessageId(3), "user", NOON)]


def test_where_every_variant_was_cancelled_nobody_wins_by_himself() -> None:
    state = after(START, DRAW, MeasureSplitTest((Figures(10, 2, cancelled=True),) * 3))

    assert state.stage == "measured"
    assert state.measured
    assert state.measured.leaders == ()


def test_a_person_may_choose_while_the_variants_are_sent_and_nothing_is_measured_then() -> None:
    state = after(START, DRAW, change(winner_message_id=3))

    assert (state.stage, state.winner_task_id) == ("winning", 14)
    assert decide(state, SECOND, NOON) == []
    assert decide(state, change(winner_message_id=3), NOON) == []
    assert faults_of(decide(state, change(winner_message_id=2), NOON)) == {"winner_message_id"}


@pytest.mark.parametrize("commands", [(), (START,), (START, change(cancelled=True))])
def test_before_the_sample_is_drawn_nobody_chooses(commands: tuple[Command, ...]) -> None:
    decided = decide(after(*commands), change(winner_message_id=2), NOON)

    assert isinstance(decided, Refused)
    assert (decided.because, faults_of(decided)) == ("conflict", {"winner_message_id"})


def test_what_is_none_of_its_messages_does_not_win() -> None:
    decided = decide(after(START, DRAW), change(winner_message_id=4), NOON)

    assert decided == Refused.invalid(Fault("winner_message_id", "is none of message_ids"))


def test_everything_may_change_until_it_starts() -> None:
    wanted: dict[str, Any] = {
        "name": "Other",
        "message_ids": (MessageId(3), MessageId(1)),
        "list_id": None,
        "search_id": 4,
        "criterion": "click",
        "action": "tellme",
        "delay": 0.5,
        "segmenttype": "number",
        "segmentvalue": 50,
        "tie": "random",
        "scheduledtime": EARLIER,
    }

    [changed] = decide(after(), change(**wanted), NOON)  # type: ignore[misc]  # it is not refused

    assert changed == SplitTestChanged(**{**wanted, "scheduledtime": NOON})
    assert decide(evolved(after(), [changed]), change(name="Other"), NOON) == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"message_ids": (1, 8)}, "message_ids"),
        ({"delay": 9_000.0}, "delay"),
        ({"list_id": None}, "list_id"),
        ({"segmentvalue": 500}, "segmentvalue"),
    ],
)
def test_a_change_is_looked_at_like_a_new_one(wanted: dict[str, Any], field: str) -> None:
    decided = decide(after(), change(**wanted), NOON)

    assert isinstance(decided, Refused)
    assert (decided.because, faults_of(decided)) == ("invalid", {field})


def test_what_stays_is_not_questioned() -> None:
    """A message that is gone by now does not keep anybody from another name."""
    assert isinstance(decide(after(), ChangeSplitTest({"name": "Other"}, target_known=False), NOON), list)


@pytest.mark.parametrize("commands", [(START,), (START, DRAW)])
def test_once_started_delay_and_action_alone_may_change(commands: tuple[Command, ...]) -> None:
    state = after(*commands)

    assert isinstance(decide(state, change(delay=0.0, action="tellme"), NOON), list)
    refused = decide(state, change(name="x", tie="random", segmentvalue=5, scheduledtime=NOON, list_id=6), NOON)
    assert faults_of(refused) == {"name", "tie", "segmentvalue", "scheduledtime", "list_id"}


@pytest.mark.parametrize("commands", [(START, DRAW, SECOND), (START, DRAW, change(cancelled=True))])
def test_once_measured_or_cancelled_nothing_may_change(commands: tuple[Command, ...]) -> None:
    assert faults_of(decide(after(*commands), change(delay=0.0), NOON)) == {"delay"}


@pytest.mark.parametrize("commands", [(), (START,), (START, DRAW), (START, DRAW, SECOND)])
def test_it_may_be_cancelled_at_any_time_before_its_end(commands: tuple[Command, ...]) -> None:
    state = after(*commands)

    assert decide(state, change(cancelled=True), NOON) == [SplitTestCancelled(NOON)]
    assert decide(after(*commands, change(cancelled=True)), change(cancelled=True), NOON) == []
    assert faults_of(decide(after(*commands, change(cancelled=True)), change(cancelled=False), NOON)) == {"cancelled"}


def test_a_completed_one_is_not_cancelled_any_more() -> None:
    state = after(START, DRAW, SECOND, CompleteSplitTest())

    assert faults_of(decide(state, change(cancelled=True), NOON)) == {"cancelled"}
    assert decide(state, change(cancelled=False), NOON) == []


def test_one_that_is_not_there_is_not_found() -> None:
    decided = decide(SplitTest(), change(name="x"), NOON)

    assert isinstance(decided, Refused)
    assert decided.because == "not found"
