"""Who clicked as people do, out of clicks and bursts by the minute of the hour."""

import pytest
from pyroaring import BitMap

from shared.domain.visits import clicked_as_people_do, visit_at

NOON_MS = 1_800_000_000_000  # a full hour


@pytest.mark.parametrize(
    ("after_ms", "visit"),
    [
        pytest.param(0, 1, id="the first minute"),
        pytest.param(59_999, 1, id="to its end"),
        pytest.param(60_000, 2, id="the second"),
        pytest.param(3_599_999, 60, id="the last"),
        pytest.param(3_600_000, 1, id="an hour later it begins anew"),
        pytest.param(-1, 60, id="just before the hour"),
    ],
)
def test_a_visit_is_known_by_its_minute_of_the_hour(after_ms: int, visit: int) -> None:
    assert visit_at(NOON_MS + after_ms) == visit


@pytest.mark.parametrize(
    ("clicks", "bursts", "people"),
    [
        pytest.param({}, {}, [], id="nobody"),
        pytest.param({1: [5]}, {}, [5], id="a click"),
        pytest.param({1: [5]}, {1: [5]}, [], id="a burst takes back the clicks of its minute"),
        pytest.param({1: [5], 9: [5]}, {1: [5]}, [5], id="and no others"),
        pytest.param({1: [5], 9: [5]}, {1: [5], 9: [5]}, [], id="two bursts are no person"),
        pytest.param({1: [5, 6]}, {1: [5]}, [6], id="of this recipient only"),
        pytest.param({}, {1: [5]}, [], id="a burst alone"),
    ],
)
def test_people_are_those_with_a_click_outside_of_bursts(
    clicks: dict[int, list[int]], bursts: dict[int, list[int]], people: list[int]
) -> None:
    def as_sets(visits: dict[int, list[int]]) -> dict[int, BitMap]:
        return {visit: BitMap(members) for visit, members in visits.items()}

    assert list(clicked_as_people_do(as_sets(clicks), as_sets(bursts))) == people
