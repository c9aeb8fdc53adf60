"""Messages a second, as a bucket that holds a second's worth: no burst is saved up over quiet times."""

from dataclasses import dataclass
from typing import Final

_ROUNDING: Final = 1e-9  # ten tenths are a whole message


@dataclass(slots=True)
class Bucket:
    """``rate``: messages a second; None: not limited. Times are monotonic seconds."""

    rate: float | None
    tokens: float = 0.0
    filled_at: float = 0.0

    def take(self, wanted: int, now: float) -> int:
        """How many of ``wanted`` may go now."""
        if self.rate is None:
            return wanted
        self._fill(now)
        taken = min(wanted, int(self.tokens + _ROUNDING))
        self.tokens = max(0.0, self.tokens - taken)
        return taken

    def wait(self, now: float) -> float:
        """Seconds until the next message may go; 0.0: now."""
        if self.rate is None:
            return 0.0
        self._fill(now)
        if self.tokens + _ROUNDING >= 1:
            return 0.0
        return (1 - self.tokens) / self.rate if self.rate else 1.0

    def _fill(self, now: float) -> None:
        # Below one a second a whole message still has to fit.
        room = max(self.rate or 0.0, 1.0)
        self.tokens = min(room, self.tokens + max(0.0, now - self.filled_at) * (self.rate or 0.0))
        self.filled_at = now
