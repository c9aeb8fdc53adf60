"""How a limit is shared among dispatchers without a leader, so that the sum never exceeds it. Pure.

Each takes an equal part, but no more than what the others leave: whoever has too much gives it back at its own next
renewal, and only then somebody else can have it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.dispatcher.decisions.read_limits import Limit


@dataclass(frozen=True, slots=True)
class Share:
    """Of one limit. None: not limited."""

    connections: int | None
    rate: float | None


def share_of(limit: Limit, others: Mapping[int, Share], me: int) -> Share:
    """``others``: what each other living dispatcher holds by now, open connections that it is to give up included."""
    owners = sorted({*others, me})
    connections = rate = None
    if limit.connections is not None:
        left = limit.connections - sum(share.connections or 0 for share in others.values())
        fair, odd = divmod(limit.connections, len(owners))
        fair += owners.index(me) < odd
        connections = max(0, min(fair, left))
    if limit.rate is not None:
        left_rate = limit.rate - sum(share.rate or 0.0 for share in others.values())
        rate = max(0.0, min(limit.rate / len(owners), left_rate))
    return Share(connections, rate)
