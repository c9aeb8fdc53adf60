"""The draw of a sample: everybody in one share of the size it is to have, and anybody as likely as the next."""

import math

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from shared.domain.draw_shares import draw_shares


@given(seed=st.integers(0, 2**62), shares=st.lists(st.integers(0, 300), max_size=5), rest=st.integers(0, 3_000))
def test_everybody_is_in_exactly_one_share_of_its_size(seed: int, shares: list[int], rest: int) -> None:
    """The last one is the rest; together they are 0..n-1."""
    drawn = draw_shares(seed, sum(shares) + rest, shares)

    assert [len(members) for members in drawn] == [*shares, rest]
    assert BitMap().union(*drawn) == BitMap(range(sum(shares) + rest))


def test_the_same_seed_draws_the_same_whoever_draws() -> None:
    """Also over more than one piece of chance; a seed is stored, so what it means may never change."""
    first, second = (draw_shares(7, 200_000, [1_000, 1_000]) for _ in range(2))

    assert first == second
    assert list(first[0][:3]) == [193, 227, 275]
    assert draw_shares(8, 200_000, [1_000, 1_000]) != first


def test_nobody_is_more_likely_to_be_drawn_for_where_he_stands() -> None:
    """2,000 draws of 3 of 10: each is drawn 600 times, give or take five standard deviations."""
    times = [0] * 10
    for seed in range(2_000):
        for ordinal in draw_shares(seed, 10, [2, 1])[0] | draw_shares(seed, 10, [2, 1])[1]:
            times[ordinal] += 1

    assert max(abs(each - 600) for each in times) < 5 * math.sqrt(2_000 * 0.3 * 0.7)
