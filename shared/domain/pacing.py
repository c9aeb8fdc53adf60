"""A task's rate as a pace: how many messages may go together, and how long the next ones wait. Pure.

The bound (contract, Task): in any window of w >= 1 s at most rate * (w + 1) / 3600 + 1 messages, and at most ``rate``
in 3,600 s. A burst of one second's worth, bursts spaced so that 3,601 s of them make ``rate``, keeps both.
"""

from dataclasses import dataclass

_SPREAD_SECONDS = 3601.0  # one second more than the hour, so that a burst at each end of a window still fits


@dataclass(frozen=True, slots=True)
class Pace:
    burst: int  #: messages that may go at once
    seconds_each: float  #: what each of them adds to the wait before the next burst


def pace_of(rate: int) -> Pace:
    """``rate``: messages an hour, >= 1."""
    return Pace(burst=max(1, rate // 3601), seconds_each=_SPREAD_SECONDS / rate)
