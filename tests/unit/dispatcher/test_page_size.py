"""The pages of a freeze find their size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.decisions.page_size import FEWEST, MOST, next_page_size


@pytest.mark.parametrize(
    ("people", "seconds", "following"),
    [
        pytest.param(10_000, 0.1, 10_000, id="as wanted"),
        pytest.param(10_000, 0.08, 12_500, id="a little quicker"),
        pytest.param(10_000, 0.001, 20_000, id="much quicker: doubled"),
        pytest.param(10_000, 0.0, 20_000, id="in no time"),
        pytest.param(10_000, 0.2, 5_000, id="twice as long"),
        pytest.param(10_000, 60.0, 5_000, id="a hiccup: halved"),
        pytest.param(FEWEST, 1.0, FEWEST, id="no fewer"),
        pytest.param(MOST, 0.01, MOST, id="no more"),
    ],
)
def test_the_next_page(people: int, seconds: float, following: int) -> None:
    assert next_page_size(people, seconds) == following


@given(st.floats(1e-7, 1e-3), st.integers(FEWEST, MOST))
def test_it_settles_at_a_tenth_of_a_second(each: float, people: int) -> None:
    """Where one person costs so much, within a few pages."""
    for _ in range(10):
        people = next_page_size(people, people * each)

    assert people in (FEWEST, MOST) or 0.09 < people * each < 0.11
