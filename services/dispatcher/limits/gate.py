"""What one limit lets through: our share of it, as long as the share is leased."""

from dataclasses import dataclass
from typing import Final

from services.dispatcher.decisions.read_limits import Limit
from services.dispatcher.decisions.share_limits import Share
from services.dispatcher.limits.bucket import Bucket

NOTHING: Final = Share(0, 0.0)


@dataclass(slots=True)
class Gate:
    """Shut until a share is leased, and again when the lease has run out. Times are monotonic seconds."""

    limit: Limit
    open: int = 0  #: connections of ours
    _share: Share = NOTHING
    _bucket: Bucket | None = None
    _until: float = float("-inf")

    def enter(self, now: float) -> bool:
        """Whether one more connection may be opened; it is counted as open until ``leave``."""
        if self.must_leave(now, more=1):
            return False
        self.open += 1
        return True

    def leave(self) -> None:
        self.open -= 1

    def must_leave(self, now: float, more: int = 0) -> bool:
        """More would be open than our share allows: somebody else waits for it."""
        if self.limit.connections is None:
            return False
        return now >= self._until or self.open + more > (self._share.connections or 0)

    def take(self, messages: int, now: float) -> int:
        """How many of them may go now."""
        if self.limit.rate is None:
            return messages
        return self._bucket.take(messages, now) if self._bucket and now < self._until else 0

    def wait(self, now: float) -> float:
        """Seconds until the next message may go, as far as the rate is concerned."""
        if self.limit.rate is None:
            return 0.0
        return self._bucket.wait(now) if self._bucket and now < self._until else 1.0

    def held(self, share: Share) -> int | None:
        """What nobody else may have: an open connection is ours until it is closed."""
        return None if share.connections is None else max(share.connections, self.open)

    def shrink(self, share: Share, now: float) -> None:
        """To be called before a share is written: what is given up must not be used once others may have it."""
        self._adopt(
            Share(
                min(self._share.connections or 0, share.connections or 0),
                min(self._share.rate or 0.0, share.rate or 0.0),
            ),
            now,
        )

    def grow(self, share: Share, now: float, until: float) -> None:
        """To be called once the share is written, and leased until then."""
        self._adopt(share, now)
        self._until = until

    def _adopt(self, share: Share, now: float) -> None:
        self._share = share
        if self._bucket is None:
            self._bucket = Bucket(share.rate, filled_at=now)
        # What came in until now came in at the old rate.
        self._bucket.take(0, now)
        self._bucket.rate = share.rate
