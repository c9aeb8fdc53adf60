"""Whom a relay means by its refusals: by the first hundred messages, and by how alike they are."""

from collections.abc import Iterable

import pytest

from services.dispatcher.decisions.judge_refusals import Trial

OURS = (550, "5.7.1 we take nothing from your network")
DEAD = (550, "5.1.1 no such user here")
TAKEN = (250, "2.0.0 queued")
LATER = (451, "4.7.1 later")


def trial_of(*told: tuple[int, str]) -> Trial:
    return heard(Trial(), told)


def heard(trial: Trial, told: Iterable[tuple[int, str]]) -> Trial:
    for code, text in told:
        if trial.is_open:
            trial.hear(code, text)
    return trial


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        pytest.param([OURS] * 20, None, id="twenty alike may be"),
        pytest.param([OURS] * 21, "21 of the first 21 messages were refused with 550 5.7.1", id="one more is about us"),
        pytest.param(
            ([OURS] + [TAKEN] * 3) * 21,
            "21 of the first 81 messages were refused with 550 5.7.1",
            id="whoever else is taken in between",
        ),
        pytest.param([TAKEN] * 80 + [OURS] * 21, None, id="the hundredth is the last that counts"),
        pytest.param([LATER] * 100, None, id="later is no refusal"),
        pytest.param(([OURS, (554, "5.7.1 no"), (550, "5.6.0 no"), (550, "no")] * 20), None, id="unlike each other"),
        pytest.param(
            [(550, f"5.7.1 no, {number}") for number in range(21)],
            "21 of the first 21 messages were refused with 550 5.7.1",
            id="the words may differ",
        ),
        pytest.param(
            [(554, "we know you")] * 21, "21 of the first 21 messages were refused with 554", id="without a status"
        ),
        pytest.param([DEAD] * 50 + [TAKEN] * 50, None, id="of dead mailboxes half may be"),
        pytest.param(
            [DEAD] * 51, "51 of the first 51 messages were refused with 550 5.1.1", id="and not more than that"
        ),
        pytest.param([OURS] * 20 + [DEAD] * 50, None, id="the two are counted apart"),
        pytest.param([(0, "the relay takes ASCII addresses only")] * 100, None, id="what we refuse ourselves is ours"),
    ],
)
def test_whom_the_relay_means(told: list[tuple[int, str]], verdict: str | None) -> None:
    assert trial_of(*told).verdict == verdict


def test_a_verdict_names_nobody() -> None:
    """It is stored for good; a relay may put any address into its words."""
    trial = trial_of(*[(550, "5.7.1 ask <postmaster@example.com> about jo@example.com")] * 21)

    assert trial.verdict is not None
    assert "@" not in trial.verdict


def test_a_trial_ends_with_a_verdict_or_with_the_hundredth() -> None:
    assert trial_of(*[TAKEN] * 99).is_open
    assert not trial_of(*[TAKEN] * 100).is_open
    assert not trial_of(*[OURS] * 21).is_open


def test_overruled_it_is_over() -> None:
    """A person wants it sent: nothing is judged any more."""
    trial = trial_of(*[OURS] * 21)

    trial.overrule()

    assert (trial.verdict, trial.is_open) == (None, False)
