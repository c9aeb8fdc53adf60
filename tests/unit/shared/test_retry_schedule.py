"""When a failed attempt is followed by another, and when it was the last."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.retry_schedule import CALLBACK_RETRIES, JITTER_SHARE, SEND_RETRIES, RetrySchedule


def test_sends_double_from_five_minutes_up_to_four_hours_in_all() -> None:
    pauses = SEND_RETRIES.pauses_seconds

    assert pauses[0] == 300
    assert all(later == 2 * earlier for earlier, later in pairwise(pauses[:-1]))
    assert sum(pauses) == 4 * 3600


def test_callbacks_go_on_for_75_hours() -> None:
    assert sum(CALLBACK_RETRIES.pauses_seconds) // 3600 == 75


def test_the_last_attempt_is_followed_by_none() -> None:
    schedule = RetrySchedule((1.0, 2.0))

    assert [schedule.next_pause(attempt, jitter=0.0) for attempt in (1, 2, 3, 99)] == [1.0, 2.0, None, None]


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 6))
def test_jitter_lengthens_and_never_shortens(jitter: float, attempt: int) -> None:
    pause = SEND_RETRIES.next_pause(attempt, jitter)
    planned = SEND_RETRIES.pauses_seconds[attempt - 1]

    assert pause is not None
    assert planned <= pause <= planned * (1 + JITTER_SHARE)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        SEND_RETRIES.next_pause(0, 0.0)


@pytest.mark.parametrize(("text", "pauses"), [("", ()), ("5", (5.0,)), (" 0.5, 2 ,3e2", (0.5, 2.0, 300.0))])
def test_parse(text: str, pauses: tuple[float, ...]) -> None:
    assert RetrySchedule.parse(text) == RetrySchedule(pauses)


def test_parse_names_every_fault() -> None:
    with pytest.raises(ValueError, match=r"^pause 1 .*'five'; pause 2 is empty; pause 3 .*'-1'; pause 4 .*'nan'$"):
        RetrySchedule.parse("five,,-1,nan,7")


@pytest.mark.parametrize("pause", [-1.0, float("inf"), float("nan")])
def test_a_pause_nobody_can_wait_is_refused(pause: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        RetrySchedule((pause,))
