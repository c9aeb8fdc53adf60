"""When something that failed is tried again: sends, callbacks and postbacks alike. Pure."""

import math
from dataclasses import dataclass
from typing import Final, Self

JITTER_SHARE: Final = (
    0.1  #: a pause is lengthened by at most this share, so that what failed together does not return together
)


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The pauses between attempts, in seconds; one more attempt than pauses is made."""

    pauses_seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        """ValueError if a pause is negative or no finite number."""
        for pause in self.pauses_seconds:
            if not (math.isfinite(pause) and pause >= 0):
                raise ValueError(f"a pause must be a finite number of seconds, 0 or more, not {pause}")

    def next_pause(self, attempt: int, jitter: float) -> float | None:
        """Seconds to wait after attempt number ``attempt`` (from 1) has failed; None when it was the last.

        ``jitter`` is a random number in [0, 1). A pause is never shortened: greylisting counts from the first attempt.
        """
        if attempt < 1:
            raise ValueError(f"attempts are counted from 1, not {attempt}")
        if attempt > len(self.pauses_seconds):
            return None
        return self.pauses_seconds[attempt - 1] * (1 + JITTER_SHARE * jitter)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``"300, 600, 1200"``; the empty text is one attempt and no retry.

        ValueError names every fault at once.
        """
        words = [word.strip() for word in text.split(",")] if text.strip() else []
        faults = [fault for place, word in enumerate(words, start=1) if (fault := _fault_of(place, word))]
        if faults:
            raise ValueError("; ".join(faults))
        return cls(tuple(float(word) for word in words))


def _fault_of(place: int, word: str) -> str | None:
    if not word:
        return f"pause {place} is empty"
    try:
        pause = float(word)
    except ValueError:
        return f"pause {place} is not a number of seconds: {word!r}"
    return None if math.isfinite(pause) and pause >= 0 else f"pause {place} must be finite and 0 or more: {word!r}"


#: Five minutes doubling, the last one cut so that all of them are four hours.
SEND_RETRIES: Final = RetrySchedule((300.0, 600.0, 1200.0, 2400.0, 4800.0, 5100.0))

#: The pauses Standard Webhooks proposes: 75 hours in all.
CALLBACK_RETRIES: Final = RetrySchedule((5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0))
