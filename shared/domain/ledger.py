"""What an account may send, and what it has been charged for it. Pure.

Credit, then quota, then overage: three allowances, used up in this order; ``charged`` counts what was used of them
together. None is not metered, and an account where none of them is given may send whatever it likes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final, assert_never

from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant

#: Whoever ends so was not sent to: what was charged for him is given back. A bounce was sent, and who is in doubt may
#: have been.
REFUNDED: Final = frozenset({Kind.FAILED, Kind.SUPPRESSED, Kind.CANCELLED})

NO_CREDIT: Final = "no credit left"  #: why a recipient is uncharged


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account may use in all, in units: one for an email, one for each part of an SMS."""

    credit: int | None = None
    quota: int | None = None
    overage: int | None = None

    @property
    def as_tuple(self) -> tuple[int | None, int | None, int | None]:
        """In the order in which they are used up."""
        return self.credit, self.quota, self.overage

    @property
    def metered(self) -> bool:
        return any(allowance is not None for allowance in self.as_tuple)

    @property
    def allowed(self) -> int:
        """Of a metered account: what is not given holds nothing."""
        return sum(allowance or 0 for allowance in self.as_tuple)


@dataclass(frozen=True, slots=True)
class TermsSet:
    credit: int | None
    quota: int | None
    overage: int | None
    at: Instant


@dataclass(frozen=True, slots=True)
class Charged:
    """So many recipients of one batch, and the units they cost together."""

    task_id: int
    batch: int
    recipients: int
    units: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Refunded:
    """What was charged for recipients of one batch who were not sent to after all."""

    task_id: int
    batch: int
    recipients: int
    units: int
    at: Instant


Event = TermsSet | Charged | Refunded


@dataclass(frozen=True, slots=True)
class Ledger:
    terms: Terms = Terms()
    charged: int = 0

    @property
    def room(self) -> int:
        """What can still be charged to a metered account; 0 also where its terms fell below what was charged."""
        return max(0, self.terms.allowed - self.charged)

    @property
    def left(self) -> Terms:
        """What is left of each allowance."""
        over = self.charged
        left: list[int | None] = []
        for allowance in self.terms.as_tuple:
            used = min(over, allowance or 0)
            over -= used
            left.append(None if allowance is None else allowance - used)
        return Terms(*left)


def set_terms(ledger: Ledger, terms: Terms, now: Instant) -> list[Event]:
    return [] if terms == ledger.terms else [TermsSet(terms.credit, terms.quota, terms.overage, now)]


@dataclass(frozen=True, slots=True)
class Covered:
    """``units``: of each recipient who is charged now; ``uncovered``: those whose whole message is not covered."""

    units: Mapping[int, int]
    uncovered: tuple[int, ...]


def cover(ledger: Ledger, needs: Mapping[int, int]) -> Covered:
    """``needs``: units by ordinal, of those who were not charged before. The lowest ordinals come first; one whose
    text has too many parts for what is left leaves that to those behind him.
    """
    if not ledger.terms.metered:
        return Covered({}, ())
    room = ledger.room
    units: dict[int, int] = {}
    uncovered: list[int] = []
    for ordinal, need in sorted(needs.items()):
        if need > room:
            uncovered.append(ordinal)
        elif need:
            units[ordinal] = need
            room -= need
    return Covered(units, tuple(uncovered))


def evolve(ledger: Ledger, event: Event) -> Ledger:
    match event:
        case TermsSet(credit, quota, overage, _):
            return replace(ledger, terms=Terms(credit, quota, overage))
        case Charged(_, _, _, units, _):
            return replace(ledger, charged=ledger.charged + units)
        case Refunded(_, _, _, units, _):
            return replace(ledger, charged=ledger.charged - units)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Ledger:
    return reduce(evolve, history, Ledger())
