"""What is to become of a subscriber, as callers write it: read back as it was written, or every fault named."""

from datetime import UTC, datetime

import pytest

from shared.domain.identifiers import Instant
from shared.domain.profile_update import (
    MOST_DELETED,
    MOST_LISTS,
    NO_UPDATE,
    ProfileUpdate,
    read_update,
    stored_update,
)
from shared.domain.refusal import Fault
from shared.domain.signup_date import NO_DATE

NOW = Instant(datetime(2026, 3, 31, 12, 0, tzinfo=UTC).timestamp())

EITHER = "says neither 1 nor 0 of a list"


@pytest.mark.parametrize(
    ("given", "update"),
    [
        pytest.param({}, NO_UPDATE, id="nothing"),
        pytest.param({"vars": [], "lists": [], "optout": ""}, NO_UPDATE, id="nothing, as PHP writes it"),
        pytest.param({"vars": {"a": [1, {"b": None}]}}, ProfileUpdate({"a": [1, {"b": None}]}), id="vars are any JSON"),
        pytest.param(
            {"lists": {"A": 1, "B": "1", "C": True, "D": 0, "E": "false", "F": None}},
            ProfileUpdate(lists={"A": True, "B": True, "C": True, "D": False, "E": False, "F": False}),
            id="on or off a list, in many words",
        ),
        pytest.param({"optout": "blast"}, ProfileUpdate(optout="blast"), id="an opt-out"),
        pytest.param(
            {"delete_vars": ["b", "a", "b"]}, ProfileUpdate(delete_vars=frozenset({"a", "b"})), id="vars to remove"
        ),
        pytest.param({"delete_vars": [], "signup_date": ""}, NO_UPDATE, id="nothing to remove and no date"),
        pytest.param(
            {"signup_date": "Wed, 18 Feb 2009 15:19:01 +0100"},
            ProfileUpdate(signup_date=datetime(2009, 2, 18, 14, 19, 1, tzinfo=UTC)),
            id="when somebody signed up",
        ),
        pytest.param(
            {"signup_date": "-1 day"},
            ProfileUpdate(signup_date=datetime(2026, 3, 30, 12, tzinfo=UTC)),
            id="so long before the moment of asking",
        ),
        pytest.param({"signup_date": 0}, ProfileUpdate(signup_date=datetime(1970, 1, 1, tzinfo=UTC)), id="second 0"),
    ],
)
def test_an_update_is_read_as_it_was_meant_and_written_as_it_is_read(
    given: dict[str, object], update: ProfileUpdate
) -> None:
    assert read_update(given, NOW) == update
    assert stored_update(update.as_json()) == update


def test_what_was_stored_before_there_was_more_is_read() -> None:
    assert stored_update({"vars": {"a": 1}, "lists": {}, "optout": None}) == ProfileUpdate({"a": 1})


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        pytest.param({"age": 3}, [Fault("age", "is not a known key of an update")], id="what nobody knows"),
        pytest.param({"vars": "x"}, [Fault("vars", "must be an object")], id="vars without names"),
        pytest.param(
            {"vars": {"": 1}},
            [Fault("vars", "the name of a var must have 1 to 255 characters")],
            id="a var without a name",
        ),
        pytest.param({"vars": {"n": 2.0**64}}, [Fault("vars", "has a number beyond 64 bits")], id="too large a number"),
        pytest.param(
            {"vars": {"t": "x" * 65_536}}, [Fault("vars", "may have at most 65536 bytes as JSON")], id="too long a text"
        ),
        pytest.param(
            {"vars": {"n": [[[[[[[[1]]]]]]]]}}, [Fault("vars", "is nested deeper than 8")], id="lists in lists in lists"
        ),
        pytest.param(
            {"vars": {"t": "\ud800"}},
            [Fault("vars", "must be text without NUL and lone surrogates")],
            id="half a character",
        ),
        pytest.param(
            {"lists": ["A"]},
            [Fault("lists", "must be an object: 1 or 0 by the name of each list")],
            id="lists without a word on them",
        ),
        pytest.param({"lists": {"A": 2}}, [Fault("lists", EITHER)], id="neither on nor off"),
        pytest.param({"lists": {"A": [1]}}, [Fault("lists", EITHER)], id="a list of words on a list"),
        pytest.param(
            {"lists": {"": 1}},
            [Fault("lists", "the name of a list must have 1 to 255 characters")],
            id="a list without a name",
        ),
        pytest.param(
            {"lists": {str(number): 1 for number in range(MOST_LISTS + 1)}},
            [Fault("lists", "may name at most 100 lists")],
            id="too many lists",
        ),
        pytest.param(
            {"delete_vars": "a"}, [Fault("delete_vars", "must be an array of names of vars")], id="one name alone"
        ),
        pytest.param(
            {"delete_vars": [1]}, [Fault("delete_vars", "must be an array of names of vars")], id="a number as a name"
        ),
        pytest.param(
            {"delete_vars": [""]},
            [Fault("delete_vars", "the name of a var must have 1 to 255 characters")],
            id="a var to remove without a name",
        ),
        pytest.param(
            {"delete_vars": [str(number) for number in range(MOST_DELETED + 1)]},
            [Fault("delete_vars", "may name at most 1000 vars")],
            id="too many vars to remove",
        ),
        pytest.param(
            {"vars": {"a": 1}, "delete_vars": ["a"]},
            [Fault("delete_vars", "names 'a', which vars sets")],
            id="a var both set and removed",
        ),
        pytest.param({"signup_date": "soon"}, [Fault("signup_date", NO_DATE)], id="no date"),
        pytest.param({"signup_date": ["20250101"]}, [Fault("signup_date", NO_DATE)], id="a list of dates"),
        pytest.param(
            {"signup_date": "+1 hour"}, [Fault("signup_date", "must not be in the future")], id="a date to come"
        ),
        pytest.param(
            {"signup_date": "12/31/1969"}, [Fault("signup_date", "must not be before 1970")], id="too early a date"
        ),
        pytest.param(
            {"optout": "no"}, [Fault("optout", "must be one of none, basic, blast, all")], id="an unknown opt-out"
        ),
    ],
)
def test_every_fault_of_an_update_is_named(given: dict[str, object], faults: list[Fault]) -> None:
    assert read_update(given, NOW) == faults


def test_of_two_updates_the_later_goes_before() -> None:
    first = ProfileUpdate({"a": 1, "b": 1}, {"L": True}, "all")

    assert first.then(ProfileUpdate({"b": 2}, {"L": False})) == ProfileUpdate({"a": 1, "b": 2}, {"L": False}, "all")
    assert first.then(ProfileUpdate(optout="none")).optout == "none"


def test_of_a_var_set_and_removed_the_later_word_counts() -> None:
    setting, removing = ProfileUpdate({"a": 1, "b": 1}), ProfileUpdate(delete_vars=frozenset({"a", "c"}))

    assert setting.then(removing) == ProfileUpdate({"b": 1}, delete_vars=frozenset({"a", "c"}))
    assert removing.then(setting) == ProfileUpdate({"a": 1, "b": 1}, delete_vars=frozenset({"c"}))


def test_of_two_dates_the_later_word_counts() -> None:
    early, late = (ProfileUpdate(signup_date=datetime(year, 1, 1, tzinfo=UTC)) for year in (2001, 2002))

    assert late.then(early) == early.then(NO_UPDATE) == early
