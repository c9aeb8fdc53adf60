"""Where a page of ``/v1`` begins, and what tells where the next one does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dialects.signupto.arguments import Kind, Place, answer_page, read_start
from services.api.operation import Answer
from shared.domain.refusal import Refused


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("17", "bigint", Place(17, None)),
        ("17~3", "bigint", Place(17, 3)),
        ("1.5", "float8", Place(1.5, None)),
        ("1.5~9", "float8", Place(1.5, 9)),
        ("null~9", "float8", Place(None, 9)),
        ("null", "float8", Place(None, None)),
        ("pre", "text", Place("pre", None)),
        ("a~b~4", "text", Place("a~b", 4)),
        ("a~b", "text", Place("a~b", None)),
        ("null", "text", Place("null", None)),
        ("~4", "text", Place("", 4)),
    ],
)
def test_a_start_is_a_value_or_a_value_and_a_row(text: str, kind: Kind, place: Place) -> None:
    assert read_start(text, kind, nullable=True) == place


@pytest.mark.parametrize("text", ["", "x", "-1", "1e9", "nan", "9223372036854775808", "null", "null~1", "1~x"])
def test_what_is_no_value_is_refused(text: str) -> None:
    assert isinstance(read_start(text, "bigint"), Refused)


@given(st.text(max_size=40), st.sampled_from(["bigint", "float8", "text"]))
def test_no_start_breaks_the_reader(text: str, kind: Kind) -> None:
    found = read_start(text, kind)

    assert isinstance(found, Place | Refused)


ROWS = st.lists(st.none() | st.sampled_from(["", "a", "a~1", "null", "~"]) | st.integers(1, 3), min_size=2, max_size=2)


@given(ROWS)
def test_next_leads_to_the_row_behind_the_page(values: list[Any]) -> None:
    """It names the row's own value, and the row where the last of the page has the same or it could be misread."""
    rows = [{"id": number, "x": value} for number, value in enumerate(values, start=7)]
    answer = answer_page(rows, 1, "x")
    assert isinstance(answer, Answer)
    following = answer.body["response"]["next"]  # type: ignore[index]  # the body of an answer is any object
    kind: Kind = "bigint" if isinstance(values[1], int) else "text"
    place = read_start(str(following), "bigint" if values[1] is None else kind, nullable=values[1] is None)

    assert isinstance(place, Place)
    assert place.key == values[1]
    assert place.id == 8 or (place.id is None and values[0] != values[1])


def test_the_last_page_has_no_next_and_no_row_is_not_found() -> None:
    answer = answer_page([{"id": 1}], 1, "id")

    assert isinstance(answer, Answer)
    assert answer.body == {"status": "ok", "response": {"data": [{"id": 1}], "count": 1, "next": None}}
    assert answer_page([], 1, "id") == Refused.not_found("nothing was found")
