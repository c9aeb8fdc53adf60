"""Hard, soft or unclear: what a bounce says of its mailbox, in the words that mail programs and providers use."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bounce import CODES, SUBJECTS_OF_US, Verdict, classify_bounce

LINES = Path(__file__).with_name("bounce_lines.txt").read_text(encoding="utf-8").splitlines()
ROWS = [[part.strip() for part in line.split("|", 2)] for line in LINES if line and not line.startswith("#")]


@pytest.mark.parametrize(("verdict", "note"), [pytest.param(verdict, note, id=shown) for verdict, shown, note in ROWS])
def test_what_a_note_says_of_the_mailbox(verdict: Verdict, note: str) -> None:
    assert classify_bounce(note) == verdict


@given(st.text(max_size=2_000))
def test_any_text_has_a_verdict(note: str) -> None:
    assert classify_bounce(note) in ("hard", "soft", "unclear")


@given(st.integers(0, 7), st.integers(0, 999), st.sampled_from(["", " user unknown", " account disabled"]))
def test_what_is_for_now_is_never_hard(subject: int, detail: int, words: str) -> None:
    assert classify_bounce(f"4.{subject}.{detail}{words}") in ("soft", "unclear")


def test_upper_case_and_line_breaks_change_nothing() -> None:
    assert classify_bounce("550 5.5.0 MAILBOX\r\n UNAVAILABLE") == "hard"


def test_every_subject_of_the_standard_has_an_answer() -> None:
    """RFC 3463 knows subjects 0 to 7; 0 is undefined."""
    answered = {subject for subject, detail in CODES if detail == -1}

    assert answered | SUBJECTS_OF_US == set(range(1, 8))
    assert not answered & SUBJECTS_OF_US
