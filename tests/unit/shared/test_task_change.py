"""What may be changed of a task, and until when: a PUT, as history, command and what follows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.decide_task import decide
from shared.domain.identifiers import CampaignId, Instant, ListId, SplitTestId
from shared.domain.refusal import Fault, Refused
from shared.domain.task import ChangeTask, Event, TaskChanged, replay
from tests.unit.shared.task_histories import (
    CANCELLED,
    CANCELLED_EARLY,
    CANCELLED_LATE,
    CREATED,
    DONE,
    EARLIER,
    FREEZING,
    LATER,
    NOON,
    ONE_TARGET,
    SCHEDULED,
    SENDING,
)

STAYS_CANCELLED = Fault("cancelled", "a cancelled task stays cancelled")
NOT_CANCELLED = Fault("cancelled", "a completed task cannot be cancelled")


def put(target_known: bool = True, **wanted: Any) -> ChangeTask:
    """A PUT of just these attributes."""
    return ChangeTask(fields=frozenset(wanted), target_known=target_known, **wanted)


def changed(**after: Any) -> TaskChanged:
    return replace(TaskChanged("Spring", ListId(5), None, LATER), **after)


def conflict(*faults: Fault) -> Refused:
    return Refused("conflict", faults)


def too_late(stage: str, *names: str) -> tuple[Fault, ...]:
    return tuple(Fault(name, f"cannot be changed any more, the task is {stage}") for name in names)


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        pytest.param(SCHEDULED, put(name="Summer"), [changed(name="Summer")], id="it can be renamed"),
        pytest.param(SCHEDULED, put(name="Spring"), [], id="to the name it has is no change"),
        pytest.param(SCHEDULED, put(list_id=6), [changed(list_id=6)], id="it can go to another list"),
        pytest.param(
            SCHEDULED,
            put(list_id=None, search_id=4),
            [changed(list_id=None, search_id=4)],
            id="or to a search in place of its list",
        ),
        pytest.param(
            SCHEDULED, put(search_id=4), Refused.invalid(ONE_TARGET), id="but not to a search beside its list"
        ),
        pytest.param(SCHEDULED, put(list_id=None), Refused.invalid(ONE_TARGET), id="nor to nobody"),
        pytest.param(
            SCHEDULED,
            put(list_id=6, target_known=False),
            Refused.invalid(Fault("list_id", "there is no list 6")),
            id="nor to a list that is not there",
        ),
        pytest.param(
            SCHEDULED,
            put(list_id=None, search_id=4, target_known=False),
            Refused.invalid(Fault("search_id", "there is no search 4")),
            id="nor to a search that is not there",
        ),
        pytest.param(
            SCHEDULED,
            put(scheduledtime=Instant(LATER + 60)),
            [changed(scheduledtime=LATER + 60)],
            id="it can be put off",
        ),
        pytest.param(
            SCHEDULED, put(scheduledtime=EARLIER), [changed(scheduledtime=NOON)], id="a past time makes it due now"
        ),
        pytest.param(
            [replace(CREATED, scheduledtime=EARLIER)],
            put(scheduledtime=EARLIER, name="Spring", list_id=5, search_id=None),
            [],
            id="all of it as it is, past time included, is no change",
        ),
        pytest.param(
            FREEZING, put(name="Summer"), conflict(*too_late("started", "name")), id="not once it has started"
        ),
        pytest.param(SENDING, put(list_id=6), conflict(*too_late("started", "list_id")), id="nor while it is sent"),
        pytest.param(DONE, put(name="Summer"), conflict(*too_late("completed", "name")), id="nor after"),
        pytest.param(
            CANCELLED_EARLY, put(name="Summer"), conflict(*too_late("cancelled", "name")), id="nor when cancelled"
        ),
        pytest.param(
            SENDING, put(name="Spring", list_id=5, scheduledtime=LATER), [], id="as it is, it may always be put"
        ),
        # cancelling
        pytest.param(SCHEDULED, put(cancelled=True), [CANCELLED], id="it can be cancelled before it starts"),
        pytest.param(FREEZING, put(cancelled=True), [CANCELLED], id="while its audience is written down"),
        pytest.param(SENDING, put(cancelled=True), [CANCELLED], id="and while it is sent"),
        pytest.param(CANCELLED_LATE, put(cancelled=True), [], id="cancelling again is harmless"),
        pytest.param(DONE, put(cancelled=True), conflict(NOT_CANCELLED), id="what is completed is not cancelled"),
        pytest.param(DONE, put(cancelled=False), [], id="and says so itself"),
        pytest.param(CANCELLED_EARLY, put(cancelled=False), conflict(STAYS_CANCELLED), id="nothing un-cancels"),
        pytest.param(SENDING, put(cancelled=False), [], id="not cancelled stays not cancelled"),
        pytest.param(
            SENDING,
            put(cancelled=True, list_id=5, target_known=False),
            [CANCELLED],
            id="it can be cancelled when its list is gone",
        ),
        pytest.param(
            SCHEDULED,
            put(cancelled=True, name="Summer"),
            [changed(name="Summer"), CANCELLED],
            id="renamed and cancelled in one go",
        ),
        pytest.param(
            SENDING,
            put(cancelled=True, name="Summer"),
            conflict(*too_late("started", "name")),
            id="if one of two wishes cannot be, neither is",
        ),
        pytest.param(
            SCHEDULED,
            ChangeTask(fields=frozenset({"name"}), name="Spring", cancelled=True),
            [],
            id="what was not named is not wanted",
        ),
        pytest.param(
            [replace(CREATED, splittest_id=SplitTestId(4))],
            put(list_id=6),
            conflict(Fault("list_id", "is that of split test 4")),
            id="the target of a split test's task is the test's",
        ),
        pytest.param(
            [replace(CREATED, campaign_id=CampaignId(4))],
            put(list_id=None, search_id=4),
            conflict(Fault("list_id", "is that of campaign 4")),
            id="the target of a campaign's task is the campaign's",
        ),
        # all faults at once
        pytest.param(
            DONE,
            put(cancelled=True, name="Summer", scheduledtime=Instant(LATER + 1)),
            conflict(NOT_CANCELLED, *too_late("completed", "name", "scheduledtime")),
            id="every conflict is named",
        ),
        pytest.param(
            CANCELLED_LATE,
            put(cancelled=False, search_id=4),
            Refused.invalid(ONE_TARGET, STAYS_CANCELLED, *too_late("cancelled", "search_id")),
            id="what is wrong in itself comes first and conflicts with it",
        ),
        pytest.param(
            [], put(cancelled=True), Refused.not_found("there is no such task"), id="what is not cannot change"
        ),
    ],
)
def test_what_follows(given: Sequence[Event], when: ChangeTask, then: list[Event] | Refused) -> None:
    assert decide(replay(given), when, NOON) == then
