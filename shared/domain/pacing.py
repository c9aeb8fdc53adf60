"""A task's rate as a pace: how many messages may go together, and how long the next ones wait. Pure.

The bound (contract, Task): in any window of w >= 1 s the relay sees at most rate * (w + 1) / 3600 + 1 messages, and at
most ``rate`` in 3,600 s. What is granted may be used for a while, and what was written takes a while to arrive: of two
bursts the one may be late and the other not. So a burst is 0.4 s worth, is gone after 0.4 s, and has 0.2 s for its way:
all the bursts that a window can hold then lie in w + 0.6 s, and with their own 0.4 s that makes w + 1. Spaced so that
3,601 s of them make ``rate``, no hour holds more than that.
"""

from dataclasses import dataclass
from typing import Final

GRANT_SECONDS: Final = 0.4  #: how long what a rate granted may be begun
_SPREAD_SECONDS: Final = 3601.0  # one second more than the hour, so that a late burst and an early one still fit
_BURSTS_AN_HOUR: Final = 9003  # so that each is less than 0.4 s worth
_LARGEST_BURST: Final = 100_000  # far more than a batch, however fast a rate is asked for


@dataclass(frozen=True, slots=True)
class Pace:
    burst: int  #: messages that may go at once
    seconds_each: float  #: what each of them adds to the wait before the next burst


def pace_of(rate: int) -> Pace:
    """``rate``: messages an hour, >= 1."""
    return Pace(burst=min(max(1, rate // _BURSTS_AN_HOUR), _LARGEST_BURST), seconds_each=_SPREAD_SECONDS / rate)
