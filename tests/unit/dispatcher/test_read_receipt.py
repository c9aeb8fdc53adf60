"""Receipts as SMSCs write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.smpp.statuses import outcome_of_submit
from services.dispatcher.decisions.read_receipt import Receipt, named, read_receipt, reference_in

WHOLE = "id:{} sub:001 dlvrd:{} submit date:2611241200 done date:2611241201 stat:{} err:{} text:Hello"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param(WHOLE.format("7F3", "001", "DELIVRD", "000"), Receipt("7F3", "delivered", ""), id="delivered"),
        pytest.param(
            WHOLE.format("0042", "000", "UNDELIV", "1B"),
            Receipt("0042", "undeliverable", "error 1B"),
            id="not delivered, and why",
        ),
        pytest.param(WHOLE.format("a-b", "000", "EXPIRED", "000"), Receipt("a-b", "expired", ""), id="expired"),
        pytest.param(WHOLE.format("9", "000", "REJECTD", "069"), Receipt("9", "rejected", "error 069"), id="rejected"),
        pytest.param(WHOLE.format("9", "000", "DELETED", "000"), Receipt("9", "failed", ""), id="deleted is failed"),
        pytest.param(WHOLE.format("9", "000", "ENROUTE", "000"), Receipt("9", "accepted", ""), id="still on its way"),
        pytest.param("ID: 12 Stat: Delivrd", Receipt("12", "delivered", ""), id="another spelling, and little else"),
        pytest.param("id:12 stat:DELIVERED", Receipt("12", "delivered", ""), id="a word written out"),
        pytest.param("id:12\0 stat:DELIVRD\0", Receipt("12", "delivered", ""), id="ended by a NUL"),
        pytest.param(f"id:{'9' * 66} stat:DELIVRD", None, id="a name that is too long"),
        pytest.param("id:12", None, id="no state"),
        pytest.param("stat:DELIVRD", None, id="no name"),
        pytest.param("Hello id: stat:", None, id="a person's text"),
    ],
)
def test_receipt_by_its_text(text: str, read: Receipt | None) -> None:
    assert read_receipt(text, None, None) == read


def test_optional_parameters_count_before_the_text() -> None:
    assert read_receipt("id:1 stat:UNKNOWN err:000", "77", 2) == Receipt("77", "delivered", "")


def test_a_state_that_is_not_known_leaves_the_word_to_the_text() -> None:
    assert read_receipt("id:1 stat:DELIVRD", None, 99) == Receipt("1", "delivered", "")


@given(st.text(), st.none() | st.text(), st.none() | st.integers(0, 255))
def test_no_receipt_raises(text: str, reference: str | None, state: int | None) -> None:
    found = read_receipt(text, reference, state)

    assert found is None or found.reference


@pytest.mark.parametrize("name", [pytest.param("a\0b", id="with a NUL"), pytest.param("9" * 66, id="too long")])
def test_a_name_that_no_message_can_have_finds_none(name: str) -> None:
    """It would be no text for Postgres, or no key of an index, and so stand in the way of others."""
    assert read_receipt("stat:DELIVRD", name, 2) is None
    assert reference_in(outcome_of_submit(0, name).text) == ""


def test_a_name_is_found_in_the_note_it_was_put_into() -> None:
    assert reference_in(named("7F3")) == "7F3"
    assert reference_in("2.0.0 queued") is None
