"""When an attempt is over, everybody of the batch has exactly one place."""

from collections.abc import Collection, Mapping
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from services.dispatcher.decisions.settle_batch import Settlement, Tally, settle, unsent
from shared.domain.task import InDoubtPolicy

ORDINALS = st.frozensets(st.integers(0, 30))
POLICIES: st.SearchStrategy[InDoubtPolicy] = st.sampled_from(("resend", "hold"))


class How(TypedDict, total=False):
    policy: InDoubtPolicy
    retries_left: bool
    cancelled: bool


def settled(
    tally: Tally, policy: InDoubtPolicy = "resend", *, retries_left: bool = True, cancelled: bool = False
) -> Settlement:
    return settle(tally, policy, retries_left=retries_left, cancelled=cancelled)


ALL = BitMap(range(10))
DOUBT = Tally(ALL, final=BitMap(range(8)), doubtful=BitMap([8]), resent=BitMap())
DOUBT_AGAIN = Tally(ALL, final=BitMap(range(8)), doubtful=BitMap([8]), resent=BitMap([8]))
DEFERRED = Tally(ALL, final=BitMap(range(8)), deferred=BitMap([8]))


@pytest.mark.parametrize(
    ("tally", "how", "where"),
    [
        pytest.param(Tally(ALL, final=ALL), {}, {}, id="all answered: nothing is left"),
        pytest.param(Tally(ALL), {}, {"remaining": ALL}, id="nothing sent: all stay in the batch"),
        pytest.param(Tally(ALL), {"cancelled": True}, {"cancelled": ALL}, id="cancelled: all end there"),
        pytest.param(DOUBT, {}, {"resend": {8}, "remaining": {8, 9}}, id="in doubt: resent once"),
        pytest.param(
            DOUBT, {"policy": "hold"}, {"held": {8}, "remaining": {9}}, id="in doubt: held where the task says so"
        ),
        pytest.param(DOUBT_AGAIN, {}, {"held": {8}, "remaining": {9}}, id="in doubt again: held, two copies at most"),
        pytest.param(DOUBT, {"cancelled": True}, {"held": {8}, "cancelled": {9}}, id="in doubt and cancelled: held"),
        pytest.param(DEFERRED, {}, {"retry": {8}, "remaining": {9}}, id="refused for now: another attempt"),
        pytest.param(
            DEFERRED, {"retries_left": False}, {"failed": {8}, "remaining": {9}}, id="refused too often: failed"
        ),
        pytest.param(
            DEFERRED, {"cancelled": True}, {"cancelled": {8, 9}}, id="refused for now and cancelled: cancelled"
        ),
    ],
)
def test_where_everybody_goes(tally: Tally, how: How, where: Mapping[str, Collection[int]]) -> None:
    settlement = settled(tally, **how)

    names = ("failed", "retry", "resend", "held", "cancelled", "remaining")
    found = {name: set(getattr(settlement, name)) for name in names}
    assert found == {name: set(where.get(name, ())) for name in names}


@given(ORDINALS, ORDINALS, ORDINALS, ORDINALS, ORDINALS, POLICIES, st.booleans(), st.booleans())
def test_nobody_is_left_out_and_nobody_is_there_twice(
    ordinals: frozenset[int],
    final: frozenset[int],
    deferred: frozenset[int],
    doubtful: frozenset[int],
    resent: frozenset[int],
    policy: InDoubtPolicy,
    retries_left: bool,
    cancelled: bool,
) -> None:
    tally = Tally(BitMap(ordinals), BitMap(final), BitMap(deferred), BitMap(doubtful), BitMap(resent))

    done = settled(tally, policy=policy, retries_left=retries_left, cancelled=cancelled)

    parts = [done.failed, done.retry, done.held, done.cancelled, done.remaining, tally.final & tally.ordinals]
    assert sum(len(part) for part in parts) == len(tally.ordinals)
    assert BitMap.union(*parts) == tally.ordinals
    assert done.resend <= done.remaining
    assert not done.resend & tally.resent


def test_of_what_was_not_begun_everybody_stays_and_nobody_is_in_doubt() -> None:
    nobody = BitMap()

    assert unsent(ALL) == Settlement(
        failed=nobody, retry=nobody, resend=nobody, held=nobody, cancelled=nobody, remaining=ALL
    )
