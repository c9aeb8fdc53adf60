"""What follows from how a callback was answered."""

import pytest

from services.tracker.decisions.callbacks.judge_answer import Failure, is_taken, judge_failure
from shared.domain.retry_schedule import CALLBACK_RETRIES, RetrySchedule

TWICE = RetrySchedule((5.0, 300.0))


@pytest.mark.parametrize(
    ("status", "taken"),
    [(200, True), (204, True), (299, True), (302, False), (404, False), (500, False), (None, False)],
)
def test_only_a_success_is_one(status: int | None, taken: bool) -> None:
    assert is_taken(status) is taken


@pytest.mark.parametrize(
    ("status", "retry_after", "failures", "failure"),
    [
        (500, "", 0, Failure(1, 5.0, "open", "no")),
        (None, "", 1, Failure(2, 300.0, "open", "no")),
        (404, "", 2, Failure(3, None, "parked", "no")),
        (410, "", 0, Failure(1, None, "stopped", "no")),
        (429, "60", 0, Failure(1, 60.0, "open", "no")),
        (429, "3", 0, Failure(1, 5.0, "open", "no")),
        (503, "999999999999", 0, Failure(1, 3600.0, "open", "no")),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", 0, Failure(1, 5.0, "open", "no")),
        (503, "-1", 0, Failure(1, 5.0, "open", "no")),
        (503, "²", 0, Failure(1, 5.0, "open", "no")),
        (503, "60", 2, Failure(3, None, "parked", "no")),
    ],
)
def test_a_failure_pauses_parks_or_stops(status: int | None, retry_after: str, failures: int, failure: Failure) -> None:
    assert judge_failure(status, "no", retry_after, failures, TWICE, 0.0) == failure


def test_it_is_tried_ten_times_over_75_hours() -> None:
    pauses, failures = [], 0
    while (failure := judge_failure(500, "no", "", failures, CALLBACK_RETRIES, 0.0)).pause_seconds is not None:
        pauses.append(failure.pause_seconds)
        failures = failure.failures

    assert len(pauses) == 9
    assert 75 * 3600 <= sum(pauses) < 76 * 3600
