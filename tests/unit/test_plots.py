"""Pictures of the sweeps, as they stand in the pages."""

from xml.etree import ElementTree

import pytest

from bench.measured import Line, as_text
from bench.plots import Plot, Series

SVG = "{http://www.w3.org/2000/svg}"
TIMES = [Series("time & CPU", [3.0, 30.0, 40.0]), Series("other", [1.0, 1.0, 1.0])]
PLOT = Plot("A message <b>", "us", [10, 1_000, 100_000], TIMES)


def texts(plot: Plot) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(plot.svg()).iter(f"{SVG}text")]


def test_a_plot_is_well_formed_and_says_what_it_shows() -> None:
    """Whatever is in the names."""
    assert {"A message <b>, us", "time & CPU", "other", "10", "1,000", "100,000", "50"} <= set(texts(PLOT))


def test_each_value_has_its_point() -> None:
    """Places are even by their powers of ten, values by themselves, from 0 at the foot."""
    drawn = ElementTree.fromstring(PLOT.svg()).iter(f"{SVG}circle")
    points = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in drawn]
    first = points[:3]

    assert len(points) == 6
    assert first[1][0] - first[0][0] == pytest.approx(first[2][0] - first[1][0], abs=0.2)
    heights = [276 - y for _, y in first]
    assert heights[1] / heights[0] == pytest.approx(10, rel=0.02)


def test_one_place_and_nothing_at_all_can_be_drawn() -> None:
    assert "0" in texts(Plot("still", "MB", [1], [Series("none", [0.0])]))


@pytest.mark.parametrize(("value", "word"), [(1.1, "kept"), (1.3, "MISSED")])
def test_what_must_not_be_exceeded_is_told(value: float, word: str) -> None:
    """Of the ratio where there is a yardstick, of the value where there is none."""
    assert word in as_text(Line("growth", "us", [value], "before", [1.0], most=1.2))
    assert word in as_text(Line("bytes", "bytes", [value], most=1.2))
