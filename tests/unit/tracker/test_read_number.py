"""Telephone numbers as gateways write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.read_number import read_number, read_own_number


@pytest.mark.parametrize(
    ("given_", "number"),
    [
        pytest.param("+447700900123", "+447700900123", id="E.164"),
        pytest.param("447700900123", "+447700900123", id="without its plus"),
        pytest.param("00447700900123", "+447700900123", id="with 00 for the plus"),
        pytest.param(" +44 (0)7700-900 123 ", "+447700900123", id="as people write it"),
        pytest.param("+999 123456789", "+999123456789", id="of a country that is not there yet"),
        pytest.param("07700900123", None, id="without its country"),
        pytest.param("40404", None, id="a short code"),
        pytest.param("Vodafone", None, id="a name"),
        pytest.param("+", None, id="a plus"),
        pytest.param("", None, id="nothing"),
        pytest.param("1" * 2_000, None, id="no end"),
    ],
)
def test_a_number_is_read_as_subscribers_are_known(given_: str, number: str | None) -> None:
    assert read_number(given_) == number


@pytest.mark.parametrize(
    ("given_", "number"), [("60777", "60777"), ("447700900000", "+447700900000"), ("12", None), ("Acme", None)]
)
def test_a_number_of_ours_may_be_a_short_code(given_: str, number: str | None) -> None:
    assert read_own_number(given_) == number


@given(st.text(max_size=60) | st.text("+0123456789 -().", max_size=30))
def test_whatever_comes_is_a_number_or_none(text: str) -> None:
    """And a number reads as itself."""
    for read in (read_number, read_own_number):
        number = read(text)
        assert number is None or re.fullmatch(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}", number)
        assert number is None or read(number) == number
