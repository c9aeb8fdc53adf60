"""Which links were fetched for whom in the last few seconds, so that a click of a burst can be told from a single one.

What this process forgot, or another one saw, is not known here: then evidence is poor, but counts stay exact.
"""

from typing import Final

from shared.domain.evidence import BURST_MS, MOST_COMPANY

MOST_RECIPIENTS: Final = 20_000  #: remembered at a time; who was seen longest ago goes first


class RecentClicks:
    def __init__(self) -> None:
        # Whoever clicked last is last, and so is the link that he clicked last.
        self._links: dict[tuple[int, int], dict[int, int]] = {}

    def note(self, task_id: int, ordinal: int, link: int, time_ms: int) -> int:
        """How many other links were fetched for this recipient within the last five seconds; 7: or more."""
        recipient = task_id, ordinal
        earlier = self._links.pop(recipient, {}).items()
        links = {other: seen for other, seen in earlier if other != link and abs(time_ms - seen) <= BURST_MS}
        if len(links) > MOST_COMPANY:
            del links[next(iter(links))]
        company = len(links)
        links[link] = time_ms
        self._links[recipient] = links
        self._forget(time_ms)
        return company

    def __len__(self) -> int:
        return len(self._links)

    def _forget(self, time_ms: int) -> None:
        while True:
            oldest = next(iter(self._links))
            seen = next(reversed(self._links[oldest].values()))
            if len(self._links) <= MOST_RECIPIENTS and abs(time_ms - seen) <= BURST_MS:
                return
            del self._links[oldest]
