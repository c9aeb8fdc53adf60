"""How large the shares of a split test are, and which variant wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.choose_winner import break_tie, find_leaders, share_sizes
from shared.domain.split_test_terms import Figures, SegmentType, Tie

FIGURES = st.builds(Figures, st.integers(0, 50), st.integers(0, 50), st.booleans())


@pytest.mark.parametrize(
    ("recipients", "variants", "segmenttype", "value", "sizes"),
    [
        pytest.param(1_000, 2, "percentage", 10, (50, 50), id="a percentage of all"),
        pytest.param(1_000, 3, "percentage", 10, (34, 33, 33), id="the first ones get those over"),
        pytest.param(1_009, 2, "percentage", 1, (5, 5), id="no part of a person"),
        pytest.param(1_000, 4, "number", 10, (3, 3, 2, 2), id="a number"),
        pytest.param(1_000, 5, "percentage", 100, (200,) * 5, id="everybody"),
        pytest.param(7, 2, "number", 100, (4, 3), id="a number above the audience is all of it"),
        pytest.param(20, 3, "percentage", 1, (1, 1, 1), id="at least one each"),
        pytest.param(2, 3, "percentage", 50, (1, 1, 0), id="an audience smaller than the variants"),
        pytest.param(0, 2, "percentage", 50, (0, 0), id="nobody"),
    ],
)
def test_the_sizes_of_shares(
    recipients: int, variants: int, segmenttype: SegmentType, value: int, sizes: tuple[int, ...]
) -> None:
    assert share_sizes(recipients, variants, segmenttype, value) == sizes


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 100))
def test_shares_are_even_and_never_more_than_there_are(recipients: int, variants: int, percent: int) -> None:
    sizes = share_sizes(recipients, variants, "percentage", percent)

    assert sum(sizes) <= recipients
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == min(recipients, max(variants, recipients * percent // 100))


@pytest.mark.parametrize(
    ("figures", "leaders"),
    [
        pytest.param([(10, 3), (10, 4)], [1], id="more of as many"),
        pytest.param([(9, 3), (10, 3)], [0], id="as many of fewer"),
        pytest.param([(10, 4), (100, 30)], [0], id="not those who reached more"),
        pytest.param([(3, 1), (6, 2), (10, 3)], [0, 1], id="exactly as good, though no decimal says so"),
        pytest.param([(10, 0), (10, 0)], [0, 1], id="nobody did it: all are as good"),
        pytest.param([(0, 0), (10, 0), (10, 1)], [2], id="one that reached nobody"),
        pytest.param([(0, 0), (0, 0)], [0, 1], id="none reached anybody"),
    ],
)
def test_the_best_by_the_share_of_those_it_was_sent_to(figures: list[tuple[int, int]], leaders: list[int]) -> None:
    assert find_leaders([Figures(accepted, score, cancelled=False) for accepted, score in figures]) == leaders


@given(st.lists(FIGURES, min_size=2, max_size=5))
def test_no_cancelled_variant_leads_and_without_one_somebody_does(figures: list[Figures]) -> None:
    leaders = find_leaders(figures)

    assert not any(figures[place].cancelled for place in leaders)
    assert bool(leaders) == any(not each.cancelled for each in figures)


@pytest.mark.parametrize(
    ("leaders", "tie", "seed", "winner"),
    [
        ([2], "tellme", 1, 2),
        ([1, 2], "first", 1, 1),
        ([1, 2, 4], "random", 5, 4),
        ([1, 2, 4], "random", 6, 1),
        ([1, 2], "tellme", 1, None),
        ([], "first", 1, None),
        ([], "random", 1, None),
    ],
)
def test_the_rule_for_a_tie(leaders: list[int], tie: Tie, seed: int, winner: int | None) -> None:
    """One leader needs none; by chance it is the seed that says who."""
    assert break_tie(leaders, tie, seed) == winner
