"""A pace keeps the rate in every window, however the windows fall."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.pacing import GRANT_SECONDS, pace_of

LATEST = GRANT_SECONDS + 0.2  #: after its grant a message may reach the relay


def bursts(rate: int, seconds: float) -> list[tuple[float, int]]:
    """When and how many, from the first burst on, as fast as the pace allows."""
    pace = pace_of(rate)
    between = pace.burst * pace.seconds_each
    return [(number * between, pace.burst) for number in range(int(seconds / between) + 1)]


def most_within(rate: int, window: float) -> int:
    """The most that any closed window of so many seconds can hold, if the first of its bursts is as late as it can be
    and the last one is not late at all.
    """
    most = total = first = 0
    sent = bursts(rate, 2 * window + 2)
    for at, count in sent:
        total += count
        # Strictly less than the latest: a grant is asked for before it is dated.
        while at - sent[first][0] >= window + LATEST:
            total -= sent[first][1]
            first += 1
        most = max(most, total)
    return most


@given(st.integers(1, 20_000_000), st.floats(1, 3600))
def test_no_window_holds_more_than_its_share(rate: int, window: float) -> None:
    assert most_within(rate, window) <= rate * (window + 1) / 3600 + 1


@pytest.mark.parametrize("rate", [1, 2, 10, 3599, 3600, 3601, 7202, 9002, 9003, 18_005, 36_010, 1_000_000, 10_000_000])
@pytest.mark.parametrize("window", [1.0, 1.1, 1.39, 2.0, 10.0, 60.0, 3599.0])
def test_nor_does_one_at_an_edge(rate: int, window: float) -> None:
    assert most_within(rate, window) <= rate * (window + 1) / 3600 + 1


@given(st.integers(1, 20_000_000))
def test_no_hour_holds_more_than_the_rate(rate: int) -> None:
    assert most_within(rate, 3600) <= rate


@given(st.integers(1, 2_000_000))
def test_hardly_any_of_the_rate_is_given_away(rate: int) -> None:
    """Over a day, less than one in a thousand and the last one."""
    assert sum(count for _, count in bursts(rate, 86_400)) >= 24 * rate * 0.999 - 1


@pytest.mark.parametrize(
    ("rate", "burst"),
    [
        pytest.param(1, 1, id="one an hour is one at a time"),
        pytest.param(3600, 1, id="so is one a second"),
        pytest.param(90_030, 10, id="beyond, 0.4 s worth go together"),
    ],
)
def test_how_many_go_together(rate: int, burst: int) -> None:
    assert pace_of(rate).burst == burst


def test_a_greater_rate_is_never_slower() -> None:
    paces = [pace_of(rate).seconds_each for rate in (1, 2, 3600, 3601, 3602, 100_000)]

    assert all(slower > faster for slower, faster in pairwise(paces))
