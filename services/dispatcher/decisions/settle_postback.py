"""What becomes of a postback after an attempt: tried again until a day after its job has ended. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

MOST_SECONDS: Final = 86_400.0  #: from the end of the job to the last attempt


@dataclass(frozen=True, slots=True)
class Settled:
    """``pause``: seconds until the next attempt, where there is one."""

    state: Literal["waiting", "delivered", "given_up"]
    pause: float = 0.0


def settle_postback(reason: str | None, age: float, pause: float | None) -> Settled:
    """``reason``: why it was not taken; None: it was. ``age``: of the postback. ``pause``: by the schedule; None: it
    was the last attempt.

    The last pause is cut so that one attempt is made when the day ends.
    """
    if reason is None:
        return Settled("delivered")
    if pause is None or age >= MOST_SECONDS:
        return Settled("given_up")
    return Settled("waiting", min(pause, MOST_SECONDS - age))
