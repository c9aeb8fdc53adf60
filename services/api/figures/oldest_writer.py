"""For how long one transaction has been holding every tail back. Pure.

Tails stop at the oldest transaction that writes and has not ended, whoever's it is. How long it has been open Postgres
tells to its owner alone; that it is still the same one, anybody sees from one look to the next.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class OldestWriter:
    _xid: int | None = None
    _since: float = 0.0

    def look(self, xid: int | None, now: float) -> float:
        """Seconds since it was first seen, at least. ``xid``: of the oldest now, None when there is none."""
        if xid != self._xid:
            self._xid, self._since = xid, now
        return 0.0 if xid is None else now - self._since
