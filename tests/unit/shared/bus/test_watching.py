"""When a consumer counts as stalled, and how long to wait before connecting again."""

import pytest

from shared.bus.watching import Look, has_stalled, pause_after

WAITING = Look(waiting=3, arrived=10, busy=False)


@pytest.mark.parametrize(
    ("before", "now", "stalled"),
    [
        pytest.param(WAITING, WAITING, True, id="messages wait, the consumer is free, none comes"),
        pytest.param(WAITING, Look(3, 11, busy=False), False, id="one came"),
        pytest.param(WAITING, Look(0, 10, busy=False), False, id="another consumer took them"),
        pytest.param(Look(0, 10, busy=False), WAITING, False, id="they have only just been sent"),
        pytest.param(WAITING, Look(3, 10, busy=True), False, id="its handler is at work"),
        pytest.param(Look(3, 10, busy=True), WAITING, False, id="its handler was at work until now"),
    ],
)
def test_stalled(before: Look, now: Look, stalled: bool) -> None:
    assert has_stalled(before, now) is stalled


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_after(failures, 5) for failures in (1, 2, 3, 7, 8, 10_000)] == [0.1, 0.2, 0.4, 5, 5, 5]
