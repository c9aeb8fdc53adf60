"""A postback is tried until it is taken, for a day."""

import pytest

from services.dispatcher.decisions.settle_postback import MOST_SECONDS, Settled, settle_postback


@pytest.mark.parametrize(
    ("reason", "age", "pause", "settled"),
    [
        pytest.param(None, 0.0, 5.0, Settled("delivered"), id="taken"),
        pytest.param(None, MOST_SECONDS, None, Settled("delivered"), id="taken at last"),
        pytest.param("no", 0.0, 5.0, Settled("waiting", 5.0), id="again"),
        pytest.param("no", MOST_SECONDS - 60, 300.0, Settled("waiting", 60.0), id="once more when the day ends"),
        pytest.param("no", MOST_SECONDS, 5.0, Settled("given_up"), id="the day is over"),
        pytest.param("no", 10.0, None, Settled("given_up"), id="no more pauses"),
    ],
)
def test_what_becomes_of_it(reason: str | None, age: float, pause: float | None, settled: Settled) -> None:
    assert settle_postback(reason, age, pause) == settled
