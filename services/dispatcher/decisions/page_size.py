"""How many people a page of a freeze looks at: as many as take about a tenth of a second. Pure.

A page is one transaction, which holds back every tail while it lasts, and has a price of its own; what it costs to look
at one person depends on the question and on the machine.
"""

from typing import Final

WANTED_SECONDS: Final = 0.1
FEWEST: Final = 1_000
MOST: Final = 50_000


def next_page_size(people: int, seconds: float) -> int:
    """``people``: of the page before, which took ``seconds``. It is never more than doubled, or less than halved."""
    factor = min(2.0, max(0.5, WANTED_SECONDS / seconds)) if seconds > 0 else 2.0
    return max(FEWEST, min(MOST, int(people * factor)))
