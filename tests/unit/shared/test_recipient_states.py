"""Each recipient has one state, whatever sets hold him, and the states add up to the audience."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from shared.domain.delivery import FINAL, Kind
from shared.domain.recipient_states import PRECEDENCE, STATES, count_by_state, split_by_state

SETS = st.dictionaries(st.sampled_from(list(Kind)), st.builds(BitMap, st.sets(st.integers(0, 40))))


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        pytest.param([], "pending", id="of whom nothing is known is pending"),
        pytest.param([Kind.DEFERRED], "pending", id="who will be tried again is pending"),
        pytest.param([Kind.OPENED, Kind.CLICKED], "pending", id="what readers do is no state"),
        pytest.param([Kind.SUBMITTED], "accepted", id="whom the relay took is accepted"),
        pytest.param([Kind.SUBMITTED, Kind.BOUNCED], "bounced", id="a later bounce undoes it"),
        pytest.param([Kind.SUBMITTED, Kind.FAILED], "accepted", id="one attempt of several that went is enough"),
        pytest.param([Kind.FAILED], "failed", id="whose retries are exhausted has failed"),
        pytest.param([Kind.UNCHARGED], "uncharged", id="who could not be charged is uncharged"),
        pytest.param([Kind.UNCHARGED, Kind.SUPPRESSED], "uncharged", id="before suppressed"),
        pytest.param([Kind.SUPPRESSED, Kind.CANCELLED], "suppressed", id="suppressed before cancelled"),
        pytest.param([Kind.CANCELLED, Kind.HELD], "cancelled", id="cancelled before in doubt"),
        pytest.param([Kind.HELD], "in_doubt", id="who is held is in doubt"),
        pytest.param([Kind.HELD, Kind.SUBMITTED], "accepted", id="until it is known"),
        pytest.param([Kind.HELD, Kind.DELIVERED], "accepted", id="also by word that it arrived"),
        pytest.param([Kind.DELIVERED], "accepted", id="which may come before the sender's own"),
        pytest.param([Kind.DELIVERED, Kind.BOUNCED], "bounced", id="and be taken back"),
        pytest.param([Kind.RESENT], "pending", id="who is sent once more is pending"),
    ],
)
def test_the_first_set_that_holds_him_names_his_state(kinds: list[Kind], state: str) -> None:
    counts = count_by_state(BitMap([7]), {kind: BitMap([7]) for kind in kinds})

    assert [name for name, count in counts.items() if count] == [state]


@given(st.builds(BitMap, st.sets(st.integers(0, 40))), SETS)
def test_every_recipient_has_exactly_one_state(audience: BitMap, sets: dict[Kind, BitMap]) -> None:
    parts = dict(split_by_state(audience, sets))

    assert tuple(parts) == STATES
    assert sum(len(part) for part in parts.values()) == len(audience)
    assert BitMap.union(*parts.values()) == audience


def test_whoever_is_not_pending_is_in_a_final_set() -> None:
    """So a task whose final sets reach the audience has nobody left to wait for."""
    assert {kind for _, kind in PRECEDENCE} == set(FINAL)
