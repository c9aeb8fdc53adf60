"""What is to become of a subscriber, as callers write it: read back as it was written, or every fault named."""

import pytest

from shared.domain.profile_update import MOST_LISTS, NO_UPDATE, ProfileUpdate, read_update
from shared.domain.refusal import Fault

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
    ],
)
def test_an_update_is_read_as_it_was_meant_and_written_as_it_is_read(
    given: dict[str, object], update: ProfileUpdate
) -> None:
    assert read_update(given) == update
    assert read_update(update.as_json()) == update


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
            {"optout": "no"}, [Fault("optout", "must be one of none, basic, blast, all")], id="an unknown opt-out"
        ),
    ],
)
def test_every_fault_of_an_update_is_named(given: dict[str, object], faults: list[Fault]) -> None:
    assert read_update(given) == faults


def test_of_two_updates_the_later_goes_before() -> None:
    first = ProfileUpdate({"a": 1, "b": 1}, {"L": True}, "all")

    assert first.then(ProfileUpdate({"b": 2}, {"L": False})) == ProfileUpdate({"a": 1, "b": 2}, {"L": False}, "all")
    assert first.then(ProfileUpdate(optout="none")).optout == "none"
