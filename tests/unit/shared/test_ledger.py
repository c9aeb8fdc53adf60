"""What an account may send, what it is charged, and that its history says the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.identifiers import Instant
from shared.domain.ledger import Charged, Covered, Event, Ledger, Refunded, Terms, TermsSet, cover, replay, set_terms

NOON = Instant(43_200.0)
NOBODY = Covered({}, ())


@pytest.mark.parametrize(
    ("ledger", "needs", "then"),
    [
        pytest.param(Ledger(), {0: 1, 1: 3}, NOBODY, id="what is not metered costs nothing"),
        pytest.param(Ledger(Terms(credit=2)), {}, NOBODY, id="nobody costs nothing"),
        pytest.param(Ledger(Terms(credit=2)), {0: 1, 1: 1}, Covered({0: 1, 1: 1}, ()), id="all are covered"),
        pytest.param(Ledger(Terms(credit=0)), {0: 1}, Covered({}, (0,)), id="no credit is not the same as no meter"),
        pytest.param(Ledger(Terms(quota=1)), {0: 1, 1: 1}, Covered({0: 1}, (1,)), id="one allowance meters them all"),
        pytest.param(
            Ledger(Terms(1, 1, 1)), {7: 1, 5: 1, 9: 1, 3: 1}, Covered({3: 1, 5: 1, 7: 1}, (9,)), id="lowest first"
        ),
        pytest.param(Ledger(Terms(1, 1, 1), 2), {0: 1, 1: 1}, Covered({0: 1}, (1,)), id="what was used is gone"),
        pytest.param(
            Ledger(Terms(5)), {0: 4, 1: 2, 2: 1}, Covered({0: 4, 2: 1}, (1,)), id="too dear leaves it to others"
        ),
        pytest.param(Ledger(Terms(2)), {0: 3}, Covered({}, (0,)), id="no part of a text alone"),
        pytest.param(Ledger(Terms(1)), {0: 0, 1: 1}, Covered({1: 1}, ()), id="nothing to send is covered by nothing"),
        pytest.param(Ledger(Terms(3), 9), {0: 1}, Covered({}, (0,)), id="below what was charged there is no room"),
    ],
)
def test_who_is_covered(ledger: Ledger, needs: dict[int, int], then: Covered) -> None:
    assert cover(ledger, needs) == then


@pytest.mark.parametrize(
    ("terms", "charged", "left"),
    [
        (Terms(5, 4, 3), 0, Terms(5, 4, 3)),
        (Terms(5, 4, 3), 5, Terms(0, 4, 3)),
        (Terms(5, 4, 3), 7, Terms(0, 2, 3)),
        (Terms(5, 4, 3), 11, Terms(0, 0, 1)),
        (Terms(5, None, 3), 7, Terms(0, None, 1)),
        (Terms(5, 4, 3), 20, Terms(0, 0, 0)),
        (Terms(), 7, Terms()),
    ],
)
def test_credit_is_used_before_quota_and_quota_before_overage(terms: Terms, charged: int, left: Terms) -> None:
    assert Ledger(terms, charged).left == left


@pytest.mark.parametrize(
    ("given_", "wish", "then"),
    [
        (Terms(), Terms(5), [TermsSet(5, None, None, NOON)]),
        (Terms(5), Terms(5), []),
        (Terms(5, 1), Terms(), [TermsSet(None, None, None, NOON)]),
    ],
)
def test_terms_are_set_once(given_: Terms, wish: Terms, then: list[Event]) -> None:
    assert set_terms(Ledger(given_, 3), wish, NOON) == then


def test_a_history_is_replayed() -> None:
    history: list[Event] = [TermsSet(5, 2, None, NOON), Charged(1, 0, 3, 6, NOON), Refunded(1, 0, 1, 2, NOON)]

    assert replay(history) == Ledger(Terms(5, 2), 4)


AMOUNTS = st.none() | st.integers(0, 40)
NEEDS = st.dictionaries(st.integers(0, 1_000), st.integers(0, 10), max_size=12)


@given(
    terms=st.builds(Terms, AMOUNTS, AMOUNTS, AMOUNTS),
    batches=st.lists(st.tuples(NEEDS, st.integers(0, 12)), max_size=12),
)
def test_nobody_gets_more_than_is_there_and_replay_agrees(
    terms: Terms, batches: list[tuple[dict[int, int], int]]
) -> None:
    """Charges and refunds in any order: never beyond the overage, and nobody is left out who could be paid for."""
    history = set_terms(Ledger(), terms, NOON)
    for needs, back in batches:
        ledger = replay(history)
        covered = cover(ledger, needs)
        units = sum(covered.units.values())
        assert set(covered.units) | set(covered.uncovered) <= set(needs)
        assert not set(covered.units) & set(covered.uncovered)
        if terms.metered:
            assert ledger.charged + units <= terms.allowed
            assert all(needs[ordinal] > 0 for ordinal in covered.uncovered)
            assert all(needs[ordinal] > ledger.room - units for ordinal in covered.uncovered)
        if covered.units:
            history.append(Charged(1, 0, len(covered.units), units, NOON))
        refunded = [covered.units[ordinal] for ordinal in list(covered.units)[:back]]
        if refunded:
            history.append(Refunded(1, 0, len(refunded), sum(refunded), NOON))
        after = replay(history)
        assert after.charged == ledger.charged + units - sum(refunded) >= 0
        if terms.metered:
            assert sum(left or 0 for left in after.left.as_tuple) == terms.allowed - after.charged
