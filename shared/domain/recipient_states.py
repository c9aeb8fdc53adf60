"""Each recipient's one state, out of the sets that hold him. Pure set algebra; exact and cheap at any size."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from pyroaring import BitMap

from shared.domain.delivery import Kind

State = Literal["bounced", "accepted", "failed", "uncharged", "suppressed", "cancelled", "in_doubt", "pending"]

#: The state is the first whose set holds the recipient; in none of them: pending.
PRECEDENCE: Final[tuple[tuple[State, Kind], ...]] = (
    ("bounced", Kind.BOUNCED),
    ("accepted", Kind.SUBMITTED),
    ("failed", Kind.FAILED),
    ("uncharged", Kind.UNCHARGED),
    ("suppressed", Kind.SUPPRESSED),
    ("cancelled", Kind.CANCELLED),
    ("in_doubt", Kind.HELD),
)
STATES: Final[tuple[State, ...]] = (*(state for state, _ in PRECEDENCE), "pending")


def split_by_state(audience: BitMap, sets: Mapping[Kind, BitMap]) -> Iterator[tuple[State, BitMap]]:
    """Yields every state once with its recipients. The parts are disjoint and their union is ``audience``."""
    left = audience
    for state, kind in PRECEDENCE:
        members = sets.get(kind, BitMap())
        if kind is Kind.SUBMITTED:
            # Word that it arrived may come before the sender has said so, or where he never knew.
            members = members | sets.get(Kind.DELIVERED, BitMap())
        having = left & members
        yield state, having
        left = left - having
    yield "pending", left


def count_by_state(audience: BitMap, sets: Mapping[Kind, BitMap]) -> dict[State, int]:
    return {state: len(members) for state, members in split_by_state(audience, sets)}
