"""Which other links were fetched for the same recipient just before."""

import pytest

from services.tracker.intake.recent_clicks import MOST_RECIPIENTS, RecentClicks

NOON_MS = 1_800_000_000_000

Click = tuple[int, int, int]  # ordinal, link, ms after noon


@pytest.mark.parametrize(
    ("clicks", "company"),
    [
        pytest.param([(1, 1, 0)], [0], id="a first click has none"),
        pytest.param([(1, 1, 0), (1, 2, 900), (1, 3, 1800)], [0, 1, 2], id="link after link"),
        pytest.param([(1, 1, 0), (1, 1, 10), (1, 1, 20)], [0, 0, 0], id="the same link is no other link"),
        pytest.param([(1, 1, 0), (1, 2, 10), (1, 1, 20), (1, 2, 30)], [0, 1, 1, 1], id="to and fro"),
        pytest.param([(1, 1, 0), (1, 2, 5000)], [0, 1], id="five seconds later"),
        pytest.param([(1, 1, 0), (1, 2, 5001)], [0, 0], id="and a little more"),
        pytest.param([(1, 1, 0), (1, 1, 4000), (1, 2, 8000)], [0, 0, 1], id="the last time of a link counts"),
        pytest.param([(1, 1, 0), (2, 2, 10)], [0, 0], id="others are no company"),
        pytest.param([(1, 1, 9000), (1, 2, 0)], [0, 0], id="a clock that was put back"),
        pytest.param([(1, n, n) for n in range(1, 12)], [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7], id="seven or more"),
    ],
)
def test_company_is_the_other_links_of_the_last_five_seconds(clicks: list[Click], company: list[int]) -> None:
    recent = RecentClicks()

    assert [recent.note(7, ordinal, link, NOON_MS + after) for ordinal, link, after in clicks] == company


def test_the_same_recipient_of_another_task_is_another() -> None:
    recent = RecentClicks()

    assert (recent.note(7, 1, 1, NOON_MS), recent.note(8, 1, 2, NOON_MS)) == (0, 0)


def test_what_is_older_than_five_seconds_takes_no_room() -> None:
    recent = RecentClicks()
    for ordinal in range(100):
        recent.note(7, ordinal, 1, NOON_MS + ordinal)

    recent.note(7, 100, 1, NOON_MS + 5050)

    assert len(recent) == 51


def test_a_flood_is_remembered_up_to_a_limit() -> None:
    """Who was seen longest ago is forgotten first; who came again is not."""
    recent = RecentClicks()
    recent.note(7, MOST_RECIPIENTS + 1, 1, NOON_MS)
    recent.note(7, MOST_RECIPIENTS + 2, 1, NOON_MS)
    for ordinal in range(MOST_RECIPIENTS - 1):
        recent.note(7, ordinal, 1, NOON_MS)
        recent.note(7, MOST_RECIPIENTS + 2, 1, NOON_MS)

    assert len(recent) == MOST_RECIPIENTS
    assert recent.note(7, MOST_RECIPIENTS + 1, 2, NOON_MS) == 0
    assert recent.note(7, MOST_RECIPIENTS + 2, 2, NOON_MS) == 1
