"""The words by which people end and begin messages to them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.read_keyword import START_WORDS, STOP_WORDS, read_keyword

AROUND = st.text(" \t\n\r.,;:!?\"'“”()-_*<>…🙂\u200b\xa0", max_size=6)


@given(st.sampled_from(sorted(STOP_WORDS | START_WORDS)), AROUND, AROUND)
def test_a_word_alone_counts_in_any_case_and_dress(word: str, before: str, behind: str) -> None:
    dressed = "".join(letter.upper() if index % 2 else letter for index, letter in enumerate(word))
    for written in (word, word.upper(), word.title(), dressed):
        assert read_keyword(before + written + behind) == ("stop" if word in STOP_WORDS else "start")


@pytest.mark.parametrize("word", ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "ＳＴＯＰ"])
def test_the_words_of_the_contract_opt_out(word: str) -> None:
    assert read_keyword(word) == "stop"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "?!",
        "STOP ALL",
        "please stop",
        "stop calling me",
        "non-stop",
        "stopp",
        "stop2",
        "START now",
        "YES",
        "HELP",
    ],
)
def test_whoever_says_more_or_else_has_something_to_say(text: str) -> None:
    assert read_keyword(text) is None


@given(st.text(max_size=300))
def test_no_text_is_an_error(text: str) -> None:
    assert read_keyword(text) in ("stop", "start", None)
