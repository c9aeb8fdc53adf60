"""When a task does harm: shares of what was accepted, by exact numbers."""

from decimal import Decimal

import pytest

from services.tracker.decisions.judge_harm import Figures, HarmLimits, judge_harm

LIMITS = HarmLimits(1_000, Decimal(5), Decimal("0.3"))
OFF = Decimal(0)


@pytest.mark.parametrize(
    ("figures", "causes"),
    [
        pytest.param(Figures(1_000, 50, 0), [], id="five per cent of bounces are borne"),
        pytest.param(Figures(1_000, 51, 0), ["bounces"], id="one more is too many"),
        pytest.param(Figures(1_000, 0, 3), [], id="and so are three complaints in a thousand"),
        pytest.param(Figures(1_000, 0, 4), ["complaints"], id="four are too many"),
        pytest.param(Figures(999, 999, 999), [], id="the first thousand is waited for"),
        pytest.param(Figures(1_000, 51, 4), ["complaints", "bounces"], id="the gravest comes first"),
        pytest.param(Figures(1_000_000, 50_000, 3_000), [], id="exact at any size"),
        pytest.param(Figures(1_000_000, 50_001, 3_001), ["complaints", "bounces"], id="to the last recipient"),
        pytest.param(Figures(0, 0, 0), [], id="nothing yet"),
    ],
)
def test_what_is_too_much(figures: Figures, causes: list[str]) -> None:
    assert [command.cause for command in judge_harm(figures, LIMITS)] == causes


@pytest.mark.parametrize(
    ("limits", "causes"),
    [
        pytest.param(HarmLimits(0, Decimal(5), Decimal("0.3")), [], id="never at all"),
        pytest.param(HarmLimits(1, OFF, Decimal("0.3")), ["complaints"], id="not for bounces"),
        pytest.param(HarmLimits(1, Decimal(5), OFF), ["bounces"], id="not for complaints"),
        pytest.param(HarmLimits(1, Decimal(100), Decimal(100)), [], id="a hundred per cent is never exceeded"),
    ],
)
def test_what_is_not_watched(limits: HarmLimits, causes: list[str]) -> None:
    assert [command.cause for command in judge_harm(Figures(10, 10, 10), limits)] == causes


def test_the_reason_says_how_much_and_how_much_is_borne() -> None:
    [command] = judge_harm(Figures(1_500, 100, 0), LIMITS)

    assert command.reason == "100 hard bounces of 1500 accepted messages: 6.67 %, more than 5 %"
