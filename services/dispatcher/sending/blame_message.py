"""Is it one message over which a connection stopped, or is it all of us? Pure.

Where it is all of us nobody's attempt is spent, however long it takes. Were one message taken for all of us, its task
would come back to it for ever and never reach whoever stands behind it.
"""

from collections.abc import Sequence
from typing import Final, TypeVar

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage

T = TypeVar("T")

PATIENT_HOLDS: Final = 3  #: so often a message may stop its batch before it is blamed without other evidence

#: Where a connection breaks over the message in hand, not before there was one.
_BREAKS: Final = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA})
#: Where a refusal that speaks of us may be about the recipient or the content all the same: the sender was let in.
_REFUSES: Final = frozenset({Stage.RCPT, Stage.DATA, Stage.DOT})


def is_of_one_message(stopped: Outcome, *, accepted: bool, attempt: int, holds: int) -> bool:
    """``accepted``: others were, on this connection. ``attempt``: from 1. ``holds``: of the batch, with this one."""
    again_and_again = holds > PATIENT_HOLDS
    if stopped.kind is OutcomeKind.UNSENT:
        return again_and_again and not accepted and stopped.stage in _BREAKS
    if stopped.kind is OutcomeKind.BLOCKED:
        # Whoever was blamed once waits in a batch where others may not be.
        return stopped.stage in _REFUSES and (accepted or (attempt > 1 and again_and_again))
    return False


def in_turn(rows: Sequence[T], holds: int) -> Sequence[T]:
    """In an order in which each begins in time, so that who stops all those behind him stands behind them once."""
    first = max(0, holds - PATIENT_HOLDS) % max(1, len(rows))
    return [*rows[first:], *rows[:first]] if first else rows
