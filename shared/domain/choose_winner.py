"""How large the shares of a split test are, and which of its variants is the best. Pure."""

from collections.abc import Sequence
from fractions import Fraction

from shared.domain.split_test_terms import Figures, SegmentType, Tie


def share_sizes(recipients: int, variants: int, segmenttype: SegmentType, segmentvalue: int) -> tuple[int, ...]:
    """As even as can be, the first ones one larger. Of a percentage the part of a person is left out, but nobody is
    left without anyone to try it on: a sample has one person for each variant, unless there are not so many.
    """
    wanted = recipients * segmentvalue // 100 if segmenttype == "percentage" else segmentvalue
    sample = min(recipients, max(wanted, variants))
    each, over = divmod(sample, variants)
    return tuple(each + (number < over) for number in range(variants))


def find_leaders(figures: Sequence[Figures]) -> list[int]:
    """The places of the best, by the share of those to whom it was sent; several are exactly as good as each other.

    A cancelled variant does not win. One that reached nobody is as good as one that nobody opened.
    """
    rates = {place: _rate(each) for place, each in enumerate(figures) if not each.cancelled}
    best = max(rates.values(), default=None)
    return [place for place, rate in rates.items() if rate == best]


def _rate(figures: Figures) -> Fraction:
    return Fraction(figures.score, figures.accepted) if figures.accepted else Fraction(0)


def break_tie(leaders: Sequence[int], tie: Tie, seed: int) -> int | None:
    """The place of the winner; None: a person is to say. One leader needs no rule."""
    if len(leaders) == 1:
        return leaders[0]
    if not leaders or tie == "tellme":
        return None
    return leaders[0] if tie == "first" else leaders[seed % len(leaders)]
