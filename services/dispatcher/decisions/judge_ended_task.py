"""Whether a campaign's task, at its end, came to nothing. Pure."""

from collections.abc import Mapping
from typing import Final

from shared.domain.delivery import Kind

#: Of whom one is enough: something was handed over, or nobody knows that it was not.
_REACHED: Final = (Kind.SUBMITTED, Kind.BOUNCED, Kind.HELD)
_FAILED: Final = (Kind.FAILED, Kind.UNCHARGED, Kind.CANCELLED)


def judge_ended_task(recipients: int | None, counts: Mapping[Kind, int]) -> str | None:
    """Why it failed; None: it reached somebody, or there was nobody to be written to.

    ``recipients``: its frozen audience, None where it never was. ``counts``: recipients by kind; a missing kind has
    none.
    """
    if recipients is None:
        return "cancelled before it started"
    if any(counts.get(kind, 0) for kind in _REACHED):
        return None
    failed = [f"{count} {kind.name.lower()}" for kind in _FAILED if (count := counts.get(kind, 0))]
    return "nothing was handed over: " + ", ".join(failed) if failed else None
