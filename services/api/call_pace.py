"""How often one key may ask, over all replicas: so many requests a second, two seconds' worth of them at once.

The pace is a row in Postgres, by its clock. A process takes several calls at a time from it, as many as the key has
used of late: so a busy key costs a statement for hundreds of requests, and a quiet one takes no more than it asks. What
was taken and not used within a second is gone, never given back: in any window of w seconds a key gets at most
rate * (w + 3) requests through, however many processes it asks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from services.api.authenticate import QUERIES
from services.api.in_turn import InTurn
from shared.postgres.database import Database

BURST_SECONDS: Final = 2.0
SHARE_SECONDS: Final = 1.0  #: how long what was taken may be used
_LARGEST_SHARE_OF_RATE: Final = 8  #: no process takes more than an eighth of a second's worth at a time
_KEPT: Final = 10_000
FORGOTTEN_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class _Share:
    """``left`` of the ``size`` calls that were taken, until a moment of the process's clock. No size: nothing was
    granted, and there is no use in asking before then.
    """

    size: int
    left: int
    until: float


def next_share(last: int, left: int, most: int) -> int:
    """How many calls to take after ``last`` were taken and ``left`` of them not used: twice as many, or those used."""
    return max(1, min(2 * last if left == 0 else last - left, most))


@dataclass(slots=True)
class CallPace:
    """``rate``: requests a second of one key; 0: no limit."""

    database: Database
    rate: int
    monotonic: Callable[[], float]
    _shares: dict[str, _Share] = field(default_factory=dict)
    _asking: InTurn = field(default_factory=InTurn)

    async def seconds_to_wait(self, who: str) -> float:
        """0.0: it is counted and goes on; else nothing of this key does before so many seconds. Raises Unavailable."""
        if not self.rate or not who:
            return 0.0
        wait = self._of_share(who)
        if wait is not None:
            return wait
        async with self._asking.turn(who):  # whoever waited here finds what the one before him has taken
            wait = self._of_share(who)
            return await self._take(who) if wait is None else wait

    def _of_share(self, who: str) -> float | None:
        """None: it is used up or too old, and Postgres has to be asked."""
        share = self._shares.get(who)
        if share is None or share.until <= (now := self.monotonic()):
            return None
        if share.size == 0:
            return share.until - now
        if share.left == 0:
            return None
        share.left -= 1
        return 0.0

    async def _take(self, who: str) -> float:
        last = self._shares.get(who) or _Share(0, 0, 0.0)
        wanted = next_share(last.size, last.left, max(1, self.rate // _LARGEST_SHARE_OF_RATE))
        asked = self.monotonic()
        [row] = await self.database.fetch(QUERIES["take_calls"], who, wanted, 1.0 / self.rate, BURST_SECONDS)
        if len(self._shares) >= _KEPT:
            self._shares.clear()
        granted, wait = int(row["granted"]), float(row["wait_seconds"])
        if granted == 0:
            self._shares[who] = _Share(0, 0, asked + wait)
            return max(wait, 1.0 / self.rate)
        self._shares[who] = _Share(granted, granted - 1, asked + SHARE_SECONDS)
        return 0.0


async def forget_calls(database: Database) -> bool:
    """Whether there may be more. Raises DatabaseError."""
    return await database.execute(QUERIES["forget_calls"], FORGOTTEN_AT_ONCE) == FORGOTTEN_AT_ONCE
