"""Who clicked as people do, out of sets of clickers by the minute of the hour. Pure set algebra.

A scanner gives itself away by fetching one link after another; but its first fetch looks like anybody's, and the
person may come an hour later. So the clicks that look human are kept apart by when they were made: a burst takes back
those of its own minute and leaves the others. Sixty sets are enough to tell visits apart, however long the log, and
being sets they do not mind in what order, how often, or in how many pieces the hits come.

The price: a person whose every click falls into the minute of a burst, of that hour or of another, is taken for a
machine. Nobody is taken for a person because of a burst.
"""

from collections.abc import Mapping
from typing import Final

from pyroaring import BitMap

MINUTE_MS: Final = 60_000
VISITS: Final = 60


def visit_at(time_ms: int) -> int:
    """1 to 60: the minute of the hour, as the number that the clicks of a visit are stored under."""
    return time_ms // MINUTE_MS % VISITS + 1


def clicked_as_people_do(clicks: Mapping[int, BitMap], bursts: Mapping[int, BitMap]) -> BitMap:
    """Both by visit: whose clicks look human each by itself, and who was in a burst."""
    people = BitMap()
    for visit, clickers in clicks.items():
        people |= clickers - bursts[visit] if visit in bursts else clickers
    return people
