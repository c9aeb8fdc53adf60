"""Why a message came back, as it is kept: no address, one line, no longer than needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.returned_mail.write_note import LONGEST, write_note


@pytest.mark.parametrize(
    ("status", "diagnostic", "note"),
    [
        pytest.param("5.1.1", "smtp; 550 5.1.1 no", "550 5.1.1 no", id="the status is not told twice"),
        pytest.param("5.0.0", "smtp; 550 5.1.1 no", "5.0.0 550 5.1.1 no", id="another status is told"),
        pytest.param("5.1.1 (no such user)", "", "5.1.1", id="a status alone"),
        pytest.param("", "x-unix; 67", "67", id="a diagnostic alone"),
        pytest.param("4.4.1", "X-Postfix; [192.0.2.7]: no", "4.4.1 [192.0.2.7]: no", id="a machine is no status"),
        pytest.param("", "", "", id="nothing"),
        pytest.param("", "<Anna@Example.org>: no", "<recipient>: no", id="an address in brackets"),
        pytest.param("", "rfc822;anna@example.org: no", "recipient: no", id="an address behind a type"),
        pytest.param("", "anna+shop=x@example.org", "recipient", id="an address with a detail"),
        pytest.param("", "jörg@exämple.org unbekannt", "recipient unbekannt", id="an address beyond ASCII"),
        pytest.param("", "x.example/?e=anna%40example.org no", "recipient no", id="an address in a link"),
        pytest.param("", "anna+40example.org no", "recipient no", id="an address as xtext"),
        pytest.param("", "anna=40example.org no", "recipient no", id="an address as quoted-printable"),
        pytest.param("", "a\r\nb\x00c\u2028d\te", "a b c d e", id="nothing that is not printed"),
    ],
)
def test_what_a_note_holds(status: str, diagnostic: str, note: str) -> None:
    assert write_note(status, diagnostic) == note


@given(st.text(max_size=20), st.text(max_size=400) | st.text("a@%40<>; ", max_size=400))
def test_no_text_leaves_an_address_or_a_line_break(status: str, diagnostic: str) -> None:
    note = write_note(status, diagnostic)

    assert "@" not in note
    assert len(note) <= LONGEST
    assert len(note.splitlines()) <= 1
