"""When recipients were sent to, opened and clicked: the first of each, whatever order the log tells it in."""

from array import array
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.decisions.recipient_times import FIRST_CLICKS, RecipientTimes
from shared.delivery_log.segments import Hits
from shared.domain.delivery import Kind

clicks = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 50), st.integers(1, 3)), max_size=120)


def hits_of(told: Sequence[tuple[int, int, int]]) -> Hits:
    return Hits(
        array("I", [ordinal for ordinal, _, _ in told]),
        array("Q", [second * 1000 for _, second, _ in told]),
        array("H", [link for _, _, link in told]),
    )


@given(clicks, clicks)
def test_the_first_ones_are_told(first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]) -> None:
    """Of the ordinals 2 to 5 alone."""
    times = RecipientTimes(2, 5)
    for told in (first, second):
        times.add(Kind.CLICKED, hits_of(told))

    for ordinal in range(2, 6):
        own = sorted((second, link) for each, second, link in [*first, *second] if each == ordinal)
        assert times.clicks(ordinal) == own[:FIRST_CLICKS]
        assert times.time(Kind.CLICKED, ordinal) == (own[0][0] if own else None)
        assert times.time(Kind.OPENED, ordinal) is None


def test_of_other_events_the_first_time_is_told_and_no_click() -> None:
    times = RecipientTimes(2, 5)
    times.add(Kind.OPENED, hits_of([(3, 20, 0), (3, 10, 0), (9, 5, 0)]))

    assert (times.time(Kind.OPENED, 3), times.time(Kind.OPENED, 2), times.time(Kind.CLICKED, 3)) == (10, None, None)
    assert times.clicks(3) == []


def test_whoever_clicks_without_end_is_told_by_the_first_ten() -> None:
    times = RecipientTimes(2, 5)
    times.add(Kind.CLICKED, hits_of([(3, second, 1) for second in range(100, 0, -1)]))

    assert times.clicks(3) == [(second, 1) for second in range(1, FIRST_CLICKS + 1)]
