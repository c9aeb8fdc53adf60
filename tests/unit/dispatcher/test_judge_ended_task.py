"""Whether a task, at its end, came to nothing."""

from collections.abc import Mapping

import pytest

from services.dispatcher.decisions.judge_ended_task import judge_ended_task
from shared.domain.delivery import Kind


@pytest.mark.parametrize(
    ("recipients", "counts", "failure"),
    [
        pytest.param(None, {}, "cancelled before it started", id="it never began"),
        pytest.param(0, {}, None, id="nobody was to be written to"),
        pytest.param(2, {Kind.SUPPRESSED: 2}, None, id="nor any more"),
        pytest.param(2, {Kind.SUBMITTED: 1, Kind.FAILED: 1}, None, id="one was handed over"),
        pytest.param(2, {Kind.BOUNCED: 1, Kind.FAILED: 1}, None, id="one was refused"),
        pytest.param(2, {Kind.HELD: 1, Kind.CANCELLED: 1}, None, id="of one nobody knows"),
        pytest.param(2, {Kind.FAILED: 2}, "nothing was handed over: 2 failed", id="every attempt failed"),
        pytest.param(
            6,
            {Kind.CANCELLED: 1, Kind.UNCHARGED: 2, Kind.FAILED: 3, Kind.DEFERRED: 4},
            "nothing was handed over: 3 failed, 2 uncharged, 1 cancelled",
            id="for several reasons",
        ),
    ],
)
def test_what_it_came_to(recipients: int | None, counts: Mapping[Kind, int], failure: str | None) -> None:
    assert judge_ended_task(recipients, counts) == failure
