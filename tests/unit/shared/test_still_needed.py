"""What a refusal to remove something says of what needs it still, and what it does not."""

import pytest

from shared.domain.refusal import Refused
from shared.domain.still_needed import Kind, StillNeeded, still_needed


@pytest.mark.parametrize(
    ("needing", "said"),
    [
        pytest.param([("task", 7, True)], "task 7", id="one"),
        pytest.param([("task", 7, True), ("task", 7, True)], "task 7", id="one, found twice"),
        pytest.param([("split test", 2, True), ("task", 7, True)], "task 7 and split test 2", id="of both kinds"),
        pytest.param([("task", n, True) for n in (4, 3, 2, 1)], "task 1, task 2, task 3 and others", id="too many"),
        pytest.param([("task", 1, False)], "others", id="nothing that is seen"),
        pytest.param([("task", 1, False), ("split test", 9, True)], "split test 9 and others", id="one of two is seen"),
    ],
)
def test_what_is_seen_is_named_and_the_rest_is_not(needing: list[tuple[Kind, int, bool]], said: str) -> None:
    assert still_needed(needing).refusal() == Refused.conflict(f"it is still needed by {said}")


def test_what_nothing_needs_is_not_refused() -> None:
    assert still_needed([]) == StillNeeded()
    assert StillNeeded().refusal() is None
