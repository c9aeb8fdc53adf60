"""When one message is blamed for what stopped its batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.sending.blame_message import PATIENT_HOLDS, in_turn, is_of_one_message

MANY = PATIENT_HOLDS + 1


@pytest.mark.parametrize(
    ("kind", "stage", "accepted", "attempt", "holds", "blamed"),
    [
        pytest.param(OutcomeKind.BLOCKED, Stage.RCPT, True, 1, 1, True, id="others got through"),
        pytest.param(OutcomeKind.BLOCKED, Stage.DOT, True, 1, 1, True, id="others got through, content"),
        pytest.param(OutcomeKind.BLOCKED, Stage.RCPT, False, 1, MANY, False, id="nobody gets through"),
        pytest.param(OutcomeKind.BLOCKED, Stage.RCPT, False, 2, MANY, True, id="blamed before, again and again"),
        pytest.param(OutcomeKind.BLOCKED, Stage.RCPT, False, 2, 1, False, id="blamed before, once"),
        pytest.param(OutcomeKind.BLOCKED, Stage.MAIL, True, 2, MANY, False, id="the sender is refused"),
        pytest.param(OutcomeKind.BLOCKED, Stage.AUTH, True, 2, MANY, False, id="the credentials are refused"),
        pytest.param(OutcomeKind.UNSENT, Stage.DATA, False, 1, MANY, True, id="breaks again and again"),
        pytest.param(OutcomeKind.UNSENT, Stage.DATA, False, 1, 1, False, id="breaks"),
        pytest.param(OutcomeKind.UNSENT, Stage.DATA, True, 1, MANY, False, id="breaks after others got through"),
        pytest.param(OutcomeKind.UNSENT, Stage.CONNECT, False, 1, MANY, False, id="nobody there"),
        pytest.param(OutcomeKind.DEFERRED, Stage.RCPT, True, 2, MANY, False, id="refused for now"),
    ],
)
def test_who_is_blamed(kind: OutcomeKind, stage: Stage, accepted: bool, attempt: int, holds: int, blamed: bool) -> None:
    stopped = Outcome(kind, 550, "no", stage)

    assert is_of_one_message(stopped, accepted=accepted, attempt=attempt, holds=holds) is blamed


@given(st.lists(st.integers(), max_size=30), st.integers(1, 100))
def test_the_order_is_turned_and_nobody_lost(rows: list[int], holds: int) -> None:
    turned = in_turn(rows, holds)

    assert sorted(turned) == sorted(rows)
    assert holds > PATIENT_HOLDS or turned == rows


def test_each_begins_in_time() -> None:
    assert {in_turn(range(5), holds)[0] for holds in range(MANY, MANY + 5)} == set(range(5))
