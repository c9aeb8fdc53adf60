"""How the figures are put together and shown."""

from dataclasses import replace

import pytest

from bench.__main__ import README, with_figures
from bench.measured import Line, as_markdown, as_text

LINE = Line("Messages", "msgs/s", [900.0, 1_000.0, 5_000.0], "the yardstick", [2_000.0, 4_000.0, 1_000.0])


def test_the_ratio_is_that_of_the_medians() -> None:
    """One run that was disturbed does not decide."""
    assert LINE.median == 1_000
    assert LINE.ratio == 0.5


def test_every_run_is_shown() -> None:
    for shown in (as_text(LINE), as_markdown([LINE], "two cores")):
        for value in ("900", "1,000", "5,000", "2,000", "4,000", "0.50", "the yardstick"):
            assert value in shown


def test_a_line_without_yardstick_has_no_ratio() -> None:
    alone = Line("Events", "events/s", [10.0])

    assert alone.ratio is None
    assert "ratio" not in as_text(alone)
    assert "| Events | 10 events/s (10) |  |  |  |" in as_markdown([alone], "two cores")


def test_the_table_says_what_is_wanted() -> None:
    late = Line("Late", "ms", [10.0], most=25)

    assert as_markdown([replace(LINE, goal=0.6)], "two cores").endswith("| 0.50 | 0.6 |")
    assert as_markdown([late], "two cores").endswith("| at most 25 |")


@pytest.mark.parametrize(("goal", "said"), [(0.5, "reached"), (0.6, "MISSED")])
def test_a_goal_is_told_and_whether_it_is_reached(goal: float, said: str) -> None:
    assert f"the goal is {goal}: {said}" in as_text(replace(LINE, goal=goal))


def test_only_what_lies_between_the_marks_is_replaced() -> None:
    once = with_figures("before <!-- bench -->old<!-- /bench --> after", "| table |")

    assert once == "before <!-- bench -->\n| table |\n<!-- /bench --> after"
    assert with_figures(once, "| table |") == once


def test_a_readme_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_figures("no marks", "| table |")


def test_the_readme_has_the_marks() -> None:
    assert "| table |" in with_figures(README.read_text(encoding="utf-8"), "| table |")
