"""What is wrong with a query is said of each place of it."""

from typing import Any

import pytest

from shared.domain.read_subscriber_query import from_json, read_query
from shared.domain.subscriber_query import Query


def daily(windows: int) -> dict[str, Any]:
    """So many with a window, and five without."""
    return {
        "criteria": ["daily_open"] * (windows + 5),
        "timerange": ["since_days"] * windows + ["ever"] * 5,
        "compare": ["min"] * (windows + 5),
        "compare_value": [1] * (windows + 5),
        "value": [30] * windows + [None] * 5,
    }


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        pytest.param(None, {""}, id="null is no query"),
        pytest.param("x", {""}, id="a text is none"),
        pytest.param(["x"], {""}, id="nor an array"),
        pytest.param({"criterion": ["valid"], "limit": 5}, {"criterion", "limit"}, id="unknown keys"),
        pytest.param({"query_mode": "xor"}, {"query_mode"}, id="an unknown mode"),
        pytest.param({"source_list": 5}, {"source_list"}, id="a list by its id"),
        pytest.param({"source_list": "a\x00"}, {"source_list"}, id="a name that no database keeps"),
        pytest.param({"source_list": ".multiple"}, {"multiple_source_list"}, id="several lists, and none"),
        pytest.param(
            {"source_list": ".multiple", "multiple_source_list": ["a", 5]},
            {"multiple_source_list"},
            id="several, one of them none",
        ),
        pytest.param({"multiple_source_list": ["a"]}, {"multiple_source_list"}, id="several, without the word"),
        pytest.param(
            {"source_list": ".multiple", "multiple_source_list": [str(number) for number in range(51)]},
            {"multiple_source_list"},
            id="too many lists",
        ),
        pytest.param({"criteria": "valid"}, {"criteria"}, id="a criterion that is in no array"),
        pytest.param({"criteria": {"x": "valid"}}, {"criteria.x"}, id="an index that is none"),
        pytest.param({"criteria": ["valid"] * 101}, {"criteria"}, id="too many criteria"),
        pytest.param({"criteria": ["geo_city", "contains"]}, {"criteria.0", "criteria.1"}, id="unknown criteria"),
        pytest.param({"criteria": [5, {}]}, {"criteria.0", "criteria.1"}, id="criteria that are no words"),
        pytest.param({"criteria": ["match"]}, {"field.0", "value.0"}, id="nothing of what it needs"),
        pytest.param(
            {"criteria": ["match", "match"], "field": ["a"], "value": ["x", None]},
            {"field.1", "value.1"},
            id="enough for one of two",
        ),
        pytest.param({"criteria": ["daily_open"]}, {"timerange.0", "compare.0", "compare_value.0"}, id="three missing"),
        pytest.param(
            {"criteria": ["open_time"], "timerange": ["since_days"]}, {"value.0"}, id="a time without its value"
        ),
        pytest.param(daily(6), {"criteria.5"}, id="one window too many"),
        pytest.param({"value": ["x"]}, {"value.0"}, id="an entry of no criterion"),
        pytest.param(
            {"criteria": ["valid"], "value": [None, "x"]}, {"value.1"}, id="an entry behind the last criterion"
        ),
        pytest.param(
            {"criteria": ["valid", "valid", "exists"], "field": ["a", "b"]},
            {"field.1"},
            id="a short one that says more than is needed",
        ),
        pytest.param(
            {"criteria": ["match", "gt"], "field": [5, ""], "value": [{}, True]},
            {"field.0", "field.1", "value.0", "value.1"},
            id="everything wrong at once",
        ),
        pytest.param({"criteria": ["match"], "field": ["a"], "value": [[]]}, {"value.0"}, id="no alternative at all"),
        pytest.param({"criteria": ["match"], "field": ["a"], "value": ["x\x00"]}, {"value.0"}, id="a NUL"),
        pytest.param({"criteria": ["match"], "field": ["a"], "value": ["\ud800"]}, {"value.0"}, id="a lone surrogate"),
        pytest.param({"criteria": ["match"], "field": ["a"], "value": [2**70]}, {"value.0"}, id="beyond 64 bits"),
        pytest.param({"criteria": ["match"], "field": ["a"], "value": ["x" * 10_001]}, {"value.0"}, id="too long"),
        pytest.param(
            {"criteria": ["match"], "field": ["a"], "value": ["|".join("ab" * 600)]}, {"value.0"}, id="too many"
        ),
        pytest.param({"criteria": ["min"], "field": ["a"], "value": [[1, "a"]]}, {"value.0"}, id="a number and a text"),
        pytest.param({"criteria": ["domain"], "value": [5]}, {"value.0"}, id="a domain that is a number"),
        pytest.param({"criteria": ["engagement_min"], "engagement": [7]}, {"engagement.0"}, id="a level too high"),
        pytest.param({"criteria": ["engagement_min"], "engagement": [True]}, {"engagement.0"}, id="true is no level"),
        pytest.param({"criteria": ["signup_after"], "value": ["soon"]}, {"value.0"}, id="no date"),
        pytest.param({"criteria": ["open_time"], "timerange": ["lately"]}, {"timerange.0"}, id="no such time"),
        pytest.param({"criteria": ["open_time"], "timerange": [[]]}, {"timerange.0"}, id="an array for a time"),
        pytest.param(
            {"criteria": ["open_time"], "timerange": ["since_days"], "value": ["1.5"]}, {"value.0"}, id="half a day"
        ),
        pytest.param(
            {"criteria": ["daily_open"], "timerange": ["ever"], "compare": ["about"], "compare_value": [-1]},
            {"compare.0", "compare_value.0"},
            id="no such comparison, and a count below none",
        ),
    ],
)
def test_every_fault_is_named_by_its_place(given: Any, faults: set[str]) -> None:
    found = read_query(given)

    assert isinstance(found, list)
    assert {fault.field for fault in found} == faults
    assert len(found) == len(faults)


def test_an_unknown_criterion_is_named() -> None:
    found = read_query({"criteria": ["valid", "purchase_time"]})

    assert isinstance(found, list)
    assert [fault.message for fault in found] == ["there is no criterion 'purchase_time'"]


def test_a_query_that_was_taken_before_there_was_a_limit_is_still_read() -> None:
    """As are five windows today, and whatever has none."""
    assert isinstance(read_query(daily(5)), Query)
    assert len(from_json(daily(6)).conditions) == 11
