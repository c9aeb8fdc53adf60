"""What follows from how a call was answered: taken, tried again later, given up for now, or never again. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.retry_schedule import RetrySchedule

GONE: Final = 410
LONGEST_WISH_SECONDS: Final = 3600.0  #: of a Retry-After that is heeded

LineState = Literal["open", "parked", "stopped"]


@dataclass(frozen=True, slots=True)
class Failure:
    """``pause_seconds``: until the next attempt; None: there is none before somebody wants it."""

    failures: int
    pause_seconds: float | None
    line: LineState
    said: str


def is_taken(status: int | None) -> bool:
    """``status``: None where there was no answer. A redirect is a no: it is not followed."""
    return status is not None and 200 <= status < 300


def judge_failure(
    status: int | None, said: str, retry_after: str, failures: int, schedule: RetrySchedule, jitter: float
) -> Failure:
    """``failures``: how often this call has failed before; ``retry_after``: the header's value, or empty."""
    failures += 1
    if status == GONE:
        return Failure(failures, None, "stopped", said)
    pause = schedule.next_pause(failures, jitter)
    if pause is None:
        return Failure(failures, None, "parked", said)
    return Failure(failures, max(pause, _wished(retry_after)), "open", said)


def _wished(retry_after: str) -> float:
    """Seconds; a date is not heeded."""
    return min(float(retry_after), LONGEST_WISH_SECONDS) if retry_after.isascii() and retry_after.isdigit() else 0.0
