"""Values of a query as forms and as JSON have them."""

import pytest

from shared.domain.query_values import read_numbers


@pytest.mark.parametrize(
    ("given", "as_text", "numbers"),
    [
        pytest.param("5|2.5", True, (5, 2.5), id="a form says numbers as text"),
        pytest.param(["5", "5"], True, (5,), id="each once"),
        pytest.param([5], True, None, id="where text is due, a number is none"),
        pytest.param([5, 2.5], False, (5, 2.5), id="JSON has numbers"),
        pytest.param("5", False, None, id="and a text is none there"),
        pytest.param([True], False, None, id="nor is a truth"),
    ],
)
def test_numbers_are_read_as_their_format_writes_them(
    given: object, as_text: bool, numbers: tuple[float, ...] | None
) -> None:
    assert read_numbers(given, as_text=as_text) == numbers
