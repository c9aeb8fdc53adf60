"""What a wanted change makes of one person."""

from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from services.api.resources.subscriber.keep_ids import keep_ids
from services.api.resources.subscriber.plan_change import Changed, Standing, plan_change
from shared.domain.refusal import Refused

ANN = Standing("Ann@x.org", "+447700900123", "e", {"a": 1}, "none", ended=True, confirmed=True)
TEXTS = st.text(min_size=1, max_size=5)


def planned(before: Standing = ANN, **given: Any) -> Changed:
    found = plan_change(before, given)
    assert isinstance(found, Changed)
    return found


@pytest.mark.parametrize(
    ("given", "lost", "gained"),
    [
        ({}, (), ()),
        ({"email": "ANN@x.org"}, (), ()),
        ({"email": "b@x.org"}, (), ("email",)),
        ({"email": None}, ("email",), ()),
        ({"email": None, "telephone": "+447700900124"}, ("email",), ("sms",)),
    ],
    ids=str,
)
def test_channels_are_lost_and_gained(given: dict[str, Any], lost: tuple[str, ...], gained: tuple[str, ...]) -> None:
    assert (planned(**given).lost, planned(**given).gained) == (lost, gained)


@pytest.mark.parametrize(
    ("optout", "given", "permits", "says_no", "marketing_only"),
    [
        ("none", {}, False, False, False),
        ("none", {"optout": "none"}, True, False, False),
        ("none", {"optout": "all"}, True, True, False),
        ("all", {"optout": "all"}, False, False, False),
        ("all", {"optout": "basic"}, True, True, True),
        ("all", {"optout": "none"}, True, False, False),
    ],
    ids=str,
)
def test_an_opt_out_is_said_or_taken_back(
    optout: str, given: dict[str, Any], permits: bool, says_no: bool, marketing_only: bool
) -> None:
    found = planned(Standing("a@x.org", None, None, {}, optout), **given)

    assert (found.permits, found.says_no, found.marketing_only) == (permits, says_no, marketing_only)


def test_only_the_explicit_word_brings_back() -> None:
    assert planned(vars={"b": 1}).after.ended
    assert not planned(ended=None).after.ended
    assert not planned(confirmed=True).after.ended


@examples(st.dictionaries(TEXTS, st.integers()), st.dictionaries(TEXTS, st.none() | st.integers()))
def test_given_values_replace_null_takes_away_and_others_stay(known: dict[str, Any], given: dict[str, Any]) -> None:
    merged = planned(Standing("a@x.org", None, None, known, "none"), vars=given).after.vars

    for name in {*known, *given}:
        expected = given[name] if name in given else known[name]
        assert merged.get(name) == expected
        assert (name in merged) == (expected is not None)


@pytest.mark.parametrize(
    ("given", "because"),
    [({"email": None, "telephone": None}, "invalid"), ({"confirmed": False}, "conflict")],
    ids=str,
)
def test_what_cannot_be_is_refused(given: dict[str, Any], because: str) -> None:
    refused = plan_change(ANN, given)

    assert isinstance(refused, Refused)
    assert refused.because == because


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"id": 5, "email": "a@x.org", "vars": {"id": "a@x.org"}}, {"id": 5}),
        ({"id": "a@x.org"}, {}),
        ({"created": 1, "ids": [1, None], "errors": [{"line": 1, "field": "a@x.org"}]}, {"ids": [1, None]}),
        ({"ids": ["a@x.org"]}, {}),
        ([{"id": 1, "email": "a@x.org"}, "a@x.org"], [{"id": 1}, None]),
        ("a@x.org", None),
        (
            {"status": "ok", "response": {"data": {"id": 5, "msisdn": "44"}, "count": 1, "next": None, "more": "x"}},
            {"status": "ok", "response": {"data": {"id": 5}, "count": 1, "next": None}},
        ),
    ],
    ids=str,
)
def test_of_a_kept_answer_its_ids_are_left(body: Any, left: Any) -> None:
    assert keep_ids(body) == left
