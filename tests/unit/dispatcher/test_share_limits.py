"""Shares of a limit: equal in the end, and never more than the limit in between."""

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.decisions.read_limits import Limit
from services.dispatcher.decisions.share_limits import Share, share_of
from services.dispatcher.limits.bucket import Bucket


def test_one_alone_has_all() -> None:
    assert share_of(Limit(7, 2.5), {}, me=1) == Share(7, 2.5)


def test_a_newcomer_waits_for_what_the_others_give_back() -> None:
    """At first there is nothing left; once the other has renewed, half of it."""
    assert share_of(Limit(7, 2.0), {1: Share(7, 2.0)}, me=2) == Share(0, 0.0)
    assert share_of(Limit(7, 2.0), {2: Share(0, 0.0)}, me=1) == Share(4, 1.0)
    assert share_of(Limit(7, 2.0), {1: Share(4, 1.0)}, me=2) == Share(3, 1.0)


def test_what_is_not_limited_has_no_share() -> None:
    assert share_of(Limit(None, 1.0), {}, me=1) == Share(None, 1.0)
    assert share_of(Limit(3, None), {}, me=1) == Share(3, None)


@given(
    limit=st.integers(1, 50),
    turns=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20), st.booleans()), max_size=60),
)
def test_the_sum_is_never_more_than_the_limit(limit: int, turns: list[tuple[int, int, bool]]) -> None:
    """Dispatchers renew in any order, close connections when they like, and some leave."""
    held: dict[int, Share] = {}
    in_use: dict[int, int] = {}
    for owner, still_open, leaves in turns:
        others = {other: share for other, share in held.items() if other != owner}
        share = share_of(Limit(limit, float(limit)), others, owner)
        assert share.connections is not None
        in_use[owner] = min(still_open, max(in_use.get(owner, 0), share.connections))
        held[owner] = Share(max(share.connections, in_use[owner]), share.rate)
        if leaves:
            del held[owner], in_use[owner]
        assert sum(share.connections or 0 for share in held.values()) <= limit
        assert sum(share.rate or 0.0 for share in held.values()) <= limit + 1e-9


@given(owners=st.sets(st.integers(0, 1000), min_size=1, max_size=8), limit=st.integers(1, 50))
def test_in_the_end_all_is_shared_and_nobody_has_two_more(owners: set[int], limit: int) -> None:
    held: dict[int, Share] = {}
    for _ in range(3):
        for owner in sorted(owners):
            held[owner] = share_of(Limit(limit), {o: s for o, s in held.items() if o != owner}, owner)
    connections = [share.connections or 0 for share in held.values()]

    assert sum(connections) == limit
    assert max(connections) - min(connections) <= 1


class TestBucket:
    def test_holds_a_second_of_messages_and_no_more(self) -> None:
        """After an hour of quiet no burst has been saved up."""
        bucket = Bucket(10.0)

        assert bucket.take(100, 3600.0) == 10
        assert bucket.take(100, 3600.05) == 0
        assert bucket.take(100, 3600.5) == 5

    def test_lets_one_through_now_and_then_when_the_rate_is_below_one(self) -> None:
        bucket = Bucket(0.1, filled_at=0.0)

        assert [bucket.take(1, float(second)) for second in range(31)].count(1) == 3
        assert bucket.wait(30.0) == 10.0

    def test_without_a_rate_all_go(self) -> None:
        assert Bucket(None).take(500, 1.0) == 500
        assert Bucket(None).wait(1.0) == 0.0

    def test_with_a_share_of_nothing_nobody_goes(self) -> None:
        bucket = Bucket(0.0)

        assert bucket.take(1, 1e6) == 0
        assert bucket.wait(1e6) == 1.0
