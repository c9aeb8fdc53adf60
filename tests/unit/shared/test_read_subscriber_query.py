"""The query language, read from its wire form and written back."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.parse_form import parse_form
from shared.domain.moment_words import Offset
from shared.domain.query_criteria import CRITERIA
from shared.domain.read_subscriber_query import BadQuery, from_json, read_query
from shared.domain.subscriber_query import (
    Bounced,
    Condition,
    Engagement,
    InDomain,
    IsValid,
    LastSeen,
    NotOnList,
    Opens,
    OptedOut,
    Query,
    SignedUp,
    Source,
    VarCompares,
    VarEquals,
    VarExists,
    Window,
    lists_named,
)
from shared.domain.write_subscriber_query import to_json
from tests.queries import queries

MONTH = Offset(-30, "day")


@pytest.mark.parametrize(
    ("entries", "condition"),
    [
        ({"criteria": "match", "field": "gender", "value": "male"}, VarEquals("gender", ("male",))),
        ({"criteria": "match", "field": "a", "value": True}, VarEquals("a", (True,))),
        ({"criteria": "match", "field": "a", "value": 5}, VarEquals("a", (5,))),
        ({"criteria": "match", "field": "a", "value": "x|y"}, VarEquals("a", ("x", "y"))),
        ({"criteria": "match", "field": "a", "value": ["x|y", 1, True]}, VarEquals("a", ("x|y", 1, True))),
        ({"criteria": "match", "field": "a", "value": ""}, VarEquals("a", ("",))),
        ({"criteria": "not", "field": "a", "value": "x"}, VarEquals("a", ("x",), negated=True)),
        ({"criteria": "gt", "field": "a", "value": 5}, VarCompares("a", "gt", (5,))),
        ({"criteria": "lt", "field": "a", "value": 0.5}, VarCompares("a", "lt", (0.5,))),
        ({"criteria": "min", "field": "a", "value": "5"}, VarCompares("a", "min", ("5",))),
        ({"criteria": "max", "field": "a", "value": "a|b"}, VarCompares("a", "max", ("a", "b"))),
        ({"criteria": "exists", "field": "a"}, VarExists("a")),
        ({"criteria": "valid"}, IsValid()),
        ({"criteria": "domain", "value": "gmail.com|example.org"}, InDomain(("gmail.com", "example.org"))),
        ({"criteria": "list_member_not", "value": "VIP"}, NotOnList(("VIP",))),
        ({"criteria": "engagement_min", "engagement": 5}, Engagement("min", 5)),
        ({"criteria": "engagement_max", "engagement": "0"}, Engagement("max", 0)),
        ({"criteria": "signup_before", "value": "-30 days"}, SignedUp("before", MONTH)),
        ({"criteria": "signup_after", "value": "-30 days"}, SignedUp("after", MONTH)),
        ({"criteria": "open_time", "timerange": "ever"}, LastSeen("open", Window(None))),
        ({"criteria": "open_time", "timerange": "never"}, LastSeen("open", Window(None, negated=True))),
        ({"criteria": "click_time", "timerange": "not_ever"}, LastSeen("click", Window(None, negated=True))),
        ({"criteria": "click_time", "timerange": "since_days", "value": "30"}, LastSeen("click", Window(MONTH))),
        ({"criteria": "open_time", "timerange": "since_date", "value": "-30 days"}, LastSeen("open", Window(MONTH))),
        (
            {"criteria": "open_time", "timerange": "not_since_days", "value": 30},
            LastSeen("open", Window(MONTH, negated=True)),
        ),
        (
            {"criteria": "open_time", "timerange": "not_since_date", "value": "-30 days"},
            LastSeen("open", Window(MONTH, negated=True)),
        ),
        (
            {"criteria": "daily_open", "compare": "min", "compare_value": 3, "timerange": "since_days", "value": 30},
            Opens("min", 3, Window(MONTH)),
        ),
        ({"criteria": "status_softbounce"}, Bounced("soft")),
        ({"criteria": "status_hardbounce"}, Bounced("hard")),
        ({"criteria": "optout_blast"}, OptedOut("optout_blast")),
        ({"criteria": "optout_blast_only"}, OptedOut("optout_blast_only")),
        ({"criteria": "optout_all"}, OptedOut("optout_all")),
    ],
)
def test_each_criterion_with_what_it_needs(entries: dict[str, Any], condition: Condition) -> None:
    query = read_query({name: [entry] for name, entry in entries.items()})

    assert query == Query(conditions=(condition,))
    assert isinstance(query, Query)
    assert repr(from_json(to_json(query))) == repr(query), "where True is not 1"


def test_there_is_no_criterion_without_a_test_of_its_own() -> None:
    table = test_each_criterion_with_what_it_needs.pytestmark[0].args[1]

    assert {entries["criteria"] for entries, _ in table} == set(CRITERIA)


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({}, Source()),
        ([], Source()),
        ({"source_list": ""}, Source()),
        ({"source_list": "Main"}, Source(("Main",))),
        ({"source_list": ".multiple", "multiple_source_list": ["a", "b", "a"]}, Source(("a", "b"))),
        ({"source_list": ".multiple-all", "multiple_source_list": ["a", "b"]}, Source(("a", "b"), on_all=True)),
        ({"source_list": ".multiple-all", "multiple_source_list": {"0": "a"}}, Source(("a",))),
    ],
)
def test_whom_the_conditions_are_asked_of(given: Any, source: Source) -> None:
    assert read_query(given) == Query(source)


VALID, MALE, TALL = IsValid(), VarEquals("gender", ("male",)), VarCompares("height", "gt", (180,))


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        pytest.param(
            {"criteria": ["valid", "match"], "field": [None, "gender"], "value": [None, "male"]},
            (VALID, MALE),
            id="an entry for each, null where none is needed",
        ),
        pytest.param(
            {"criteria": ["valid", "match"], "field": ["", "gender"], "value": ["x", "male"]},
            (VALID, MALE),
            id="whatever stands where none is needed is a placeholder",
        ),
        pytest.param(
            {"criteria": ["valid", "match"], "field": ["gender"], "value": ["male"]},
            (VALID, MALE),
            id="a shorter one by the criteria that need it",
        ),
        pytest.param(
            {"criteria": ["match", "valid"], "field": ["gender"], "value": ["male"]},
            (MALE, VALID),
            id="a shorter one by index where that serves",
        ),
        pytest.param(
            {"criteria": ["valid", "match", "gt"], "field": ["gender", "height"], "value": ["male", 180]},
            (VALID, MALE, TALL),
            id="a shorter one in one way for all of it",
        ),
        pytest.param(
            {"criteria": {"1": "match", "4": "gt"}, "field": {"1": "gender", "4": "height"}, "value": ["male", 180]},
            (MALE, TALL),
            id="objects with indices that have gaps",
        ),
        pytest.param(
            {"criteria": {"4": "gt", "1": "match"}, "field": {"4": "height", "1": "gender"}, "value": ["male", 180]},
            (MALE, TALL),
            id="in whatever order they come",
        ),
        pytest.param({"criteria": ["valid"], "threshold": [5], "use_geo": []}, (VALID,), id="arrays of later criteria"),
        pytest.param(
            {"criteria": ["open_time", "domain"], "timerange": ["ever"], "value": ["example.com"]},
            (LastSeen("open", Window(None)), InDomain(("example.com",))),
            id="who needs a value depends on the time",
        ),
    ],
)  # fmt: skip
def test_which_entry_belongs_to_which_criterion(given: dict[str, Any], conditions: tuple[Condition, ...]) -> None:
    assert read_query(given) == Query(conditions=conditions)


def test_a_form_says_the_same_with_brackets() -> None:
    """Text is all it has: what looks like a number or a boolean is compared as that as well."""
    form = parse_form(
        "source_list=Main&query_mode=or&criteria[]=match&criteria[]=gt&criteria[]=engagement_min&criteria[]=match"
        "&field[0]=zip&field[1]=age&field[3]=vip&value[0]=01234&value[1]=5|7&value[3]=true|1.5|x&engagement[]=4"
    )

    assert repr(read_query(form, as_text=True)) == repr(
        Query(
            Source(("Main",)),
            "or",
            (
                VarEquals("zip", ("01234",)),
                VarCompares("age", "gt", (5, 7)),
                Engagement("min", 4),
                VarEquals("vip", ("true", True, "1.5", 1.5, "x")),
            ),
        )
    )


def test_the_lists_a_query_names() -> None:
    query = Query(Source(("a", "b")), conditions=(NotOnList(("c", "a")), IsValid(), NotOnList(("d",))))

    assert lists_named(query) == ("a", "b", "c", "d")


def test_what_was_stored_by_somebody_else_is_refused() -> None:
    with pytest.raises(BadQuery, match=r"criteria\.0: there is no criterion 'novel'"):
        from_json({"criteria": ["novel"]})


@given(queries)
def test_what_is_written_is_read_back(query: Query) -> None:
    """Through JSON, and in one spelling."""
    written = orjson.loads(orjson.dumps(to_json(query)))
    read = from_json(written)

    assert repr(read) == repr(query)
    assert to_json(read) == written


names = st.sampled_from(("0", "1", "5", "x", "criteria", "value", "field", "timerange"))
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from([*CRITERIA])
trees = st.recursive(
    leaves, lambda below: st.lists(below, max_size=4) | st.dictionaries(names, below, max_size=4), max_leaves=12
)


@given(trees | st.dictionaries(st.sampled_from(("criteria", "value", "field", "engagement", "timerange")), trees))
def test_nothing_breaks_the_reader(given: Any) -> None:
    """And what is wrong is wrong in a form as well; what is right can be stored."""
    plain, as_text = read_query(given), read_query(given, as_text=True)

    if isinstance(plain, Query):
        assert isinstance(as_text, Query)
        assert repr(from_json(to_json(plain))) == repr(plain)
        assert repr(from_json(to_json(as_text))) == repr(as_text)
    else:
        assert plain == as_text != []


def test_what_a_form_says_in_two_ways_can_be_stored() -> None:
    """As many alternatives as there may be, each of them a number and a text."""
    query = read_query(
        {"criteria": ["match"], "field": ["a"], "value": ["|".join(map(str, range(1000)))]}, as_text=True
    )

    assert isinstance(query, Query)
    assert from_json(to_json(query)) == query
