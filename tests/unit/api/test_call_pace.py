"""How many calls a process takes at a time from what a key may."""

from hypothesis import given
from hypothesis import strategies as st

from services.api.call_pace import next_share


def test_a_key_that_is_asked_for_the_first_time_takes_one_call() -> None:
    assert next_share(last=0, left=0, most=250) == 1


def test_who_used_all_of_it_takes_twice_as_many_up_to_the_most() -> None:
    shares = [1]
    while len(shares) < 10:
        shares.append(next_share(shares[-1], 0, 100))

    assert shares == [1, 2, 4, 8, 16, 32, 64, 100, 100, 100]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_no_more_is_taken_than_used_before_where_some_was_left(last: int, left: int, most: int) -> None:
    """And always one at least, never more than the most."""
    left = min(left, last)
    share = next_share(last, left, most)

    assert 1 <= share <= most
    assert not left or share <= max(1, last - left)
