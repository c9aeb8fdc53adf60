"""When each recipient of a range was sent to, opened and clicked, gathered from segments of the log. Pure."""

from array import array
from dataclasses import dataclass, field
from typing import Final

from shared.delivery_log.segments import Hits
from shared.domain.delivery import Kind

KINDS: Final = (Kind.SUBMITTED, Kind.OPENED, Kind.CLICKED)
FIRST_CLICKS: Final = 10


@dataclass(slots=True)
class RecipientTimes:
    """Of the ordinals ``first`` to ``last``."""

    first: int
    last: int
    _times: "dict[Kind, array[int]]" = field(default_factory=dict)
    _clicks: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, kind: Kind, hits: Hits) -> None:
        first, last = self.first, self.last
        times = self._times.setdefault(kind, array("Q", bytes(8 * (last - first + 1))))
        for ordinal, time in zip(hits.ordinals, hits.times, strict=True):
            if first <= ordinal <= last and (time < times[ordinal - first] or not times[ordinal - first]):
                times[ordinal - first] = time
        if kind is Kind.CLICKED:
            self._add_clicks(hits)

    def _add_clicks(self, hits: Hits) -> None:
        for ordinal, time, link in zip(hits.ordinals, hits.times, hits.details, strict=True):
            if self.first <= ordinal <= self.last:
                clicks = self._clicks.setdefault(ordinal, [])
                clicks.append((time, link))
                if len(clicks) >= 4 * FIRST_CLICKS:  # whoever clicks without end needs no room without end
                    clicks[:] = sorted(clicks)[:FIRST_CLICKS]

    def time(self, kind: Kind, ordinal: int) -> int | None:
        """Unix seconds of the first time; None: never."""
        times = self._times.get(kind)
        found = times[ordinal - self.first] if times else 0
        return found // 1000 if found else None

    def clicks(self, ordinal: int) -> list[tuple[int, int]]:
        """The first ten: (unix seconds, number of the link)."""
        return [(time // 1000, link) for time, link in sorted(self._clicks.get(ordinal, ()))[:FIRST_CLICKS]]
