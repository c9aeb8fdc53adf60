"""What becomes of a single message after an attempt."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.decisions.settle_notice import REST_SECONDS, Said, Verdict, settle_notice


@pytest.mark.parametrize(
    ("said", "pause", "verdict"),
    [
        pytest.param("accepted", 5.0, Verdict("accepted"), id="taken"),
        pytest.param("refused", 5.0, Verdict("failed", "so"), id="refused for good"),
        pytest.param("deferred", 5.0, Verdict("waiting", "so", 5.0, spent=True), id="refused for now"),
        pytest.param("deferred", None, Verdict("failed", "retries exhausted: so"), id="refused once too often"),
        pytest.param("doubtful", 5.0, Verdict("in_doubt", "so"), id="nobody said so"),
        pytest.param("not taken", None, Verdict("waiting", "so", REST_SECONDS), id="never offered: costs no attempt"),
    ],
)
def test_each_word_has_its_verdict(said: Said, pause: float | None, verdict: Verdict) -> None:
    assert settle_notice(said, "so", pause) == verdict


@given(st.sampled_from(get_args(Said)), st.none() | st.floats(0, 1e9))
def test_only_what_was_certainly_not_taken_is_sent_again(said: Said, pause: float | None) -> None:
    """Two copies of a notice are worse than none."""
    assert settle_notice(said, "", pause).state != "waiting" or said in ("deferred", "not taken")
