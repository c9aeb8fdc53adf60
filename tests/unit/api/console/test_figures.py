"""How figures are spelled and drawn."""

import re
from typing import Any

import pytest

from services.api.console.spelling import badge, reason_of_task, share, state_of_task, when
from services.api.console.table import PAGES, find_place
from services.api.console.views.figures import MOST_COLUMNS, bar, chart, funnel, settled, states
from services.api.console.views.history import history

QUIET = {"cancelled": False, "completed": False, "paused": False, "blocked_reason": None, "started": False}


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "–"),
        (0, 7, "0 %"),
        (7, 7, "100 %"),
        (1, 3, "33.3 %"),
        (1, 1_000_000, "<0.1 %"),
        (999_999, 1_000_000, ">99.9 %"),
    ],
)
def test_a_share_is_never_told_as_nothing_or_all_where_it_is_not(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said


def test_a_time_is_in_utc_and_to_the_second() -> None:
    assert ">2026-11-24 03:00:00<" in when(1_795_489_200.9)
    assert 'datetime="2026-11-24T03:00:00Z"' in when(1_795_489_200.9)
    assert "–" in when(None)


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ({}, "scheduled", None),
        ({"started": True}, "sending", None),
        ({"started": True, "blocked_reason": "AUTH refused"}, "blocked", "AUTH refused"),
        ({"paused": True, "paused_reason": "bounces"}, "paused", "bounces"),
        ({"paused": True, "blocked_reason": "AUTH", "paused_reason": None}, "paused", None),
        ({"started": True, "completed": True}, "completed", None),
        ({"started": True, "paused": True, "cancelled": True, "paused_reason": "bounces"}, "cancelled", None),
    ],
)
def test_a_task_is_in_one_state_and_says_why(change: dict[str, Any], state: str, reason: str | None) -> None:
    task = {**QUIET, "paused_reason": None, **change}

    assert (state_of_task(task), reason_of_task(task)) == (state, reason)


def test_a_state_is_told_by_its_word() -> None:
    assert badge("in_doubt") == '<span class="badge warn">in doubt</span>'
    assert badge("SENDING") == '<span class="badge busy">sending</span>'


def report(**states_: int) -> dict[str, Any]:
    names = ("accepted", "pending", "bounced", "failed", "in_doubt", "suppressed", "uncharged", "cancelled")
    return {
        "audience": sum(states_.values()),
        "states": {name: states_.get(name, 0) for name in names},
        "unique": {"submitted": 8, "delivered": 6, "opened": 4, "clicked": 1},
        "machine": {"opened": 3, "clicked": 0},
    }


def test_the_funnel_tells_each_step_by_its_part_of_the_audience() -> None:
    html = funnel(report(accepted=8, pending=2), "email")
    rows = re.findall(
        r'data-step="(\w+)".*?class="figure">(?:<span class="n">)?([\d,]+).*?class="figure">([^<]+)', html
    )

    assert rows == [
        ("audience", "10", "100 %"),
        ("submitted", "8", "80.0 %"),
        ("delivered", "6", "60.0 %"),
        ("opened", "4", "40.0 %"),
        ("clicked", "1", "10.0 %"),
    ]
    assert "3 by machines alone" in html
    assert "opened" not in funnel(report(accepted=8), "sms")


def test_states_that_nobody_is_in_are_left_out_but_for_two() -> None:
    html = states(report(bounced=2, failed=1), 7)

    assert re.findall(r'data-state="(\w+)"', html) == ["accepted", "pending", "bounced", "failed"]
    assert settled(report(accepted=3, pending=2, bounced=1)) == 4


@pytest.mark.parametrize(("part", "whole", "width"), [(0, 0, "0"), (1, 4, "25.0"), (9, 4, "100")])
def test_a_bar_is_as_wide_as_its_part_and_never_wider_than_all(part: int, whole: int, width: str) -> None:
    assert f'<rect width="{width}" height="8" class="fill busy">' in bar(part, whole)


def test_a_chart_has_a_bar_for_each_minute_and_a_row_for_each_event_that_happened() -> None:
    html = chart([{"minute": 60, "submitted": 5}, {"minute": 180, "submitted": 10, "bounced": 1}], "email")

    assert "Events per minute" in html
    assert re.findall(r'aria-label="([^"]+)"', html) == [
        "submitted: 15 in all, at most 10",
        "bounced: 1 in all, at most 1",
    ]
    assert re.findall(r'height="([\d.]+)"', html) == ["16.0", "32.0", "32.0"]


def test_a_long_history_is_gathered_and_nothing_of_it_is_lost() -> None:
    series = [{"minute": 60 * minute, "submitted": 1} for minute in range(10_000)]
    html = chart(series, "sms")

    assert "Events per 84 minutes" in html
    assert html.count("<rect") <= MOST_COLUMNS
    assert "submitted: 10,000 in all, at most 84" in html
    assert "Nothing has happened yet" in chart([], "sms")


def test_history_tells_who_did_what_the_newest_first() -> None:
    events: list[dict[str, Any]] = [
        {"event": "task.created", "user_id": 7, "at": 0, "detail": {"name": "<b>", "rate": None, "segments": ()}},
        {"event": "task.audience_frozen", "user_id": None, "at": 60, "detail": {"excluded": {"opted_out": 2}}},
        {"event": "task.paused", "user_id": 8, "at": 120, "detail": {"scheduledtime": 0.0, "held_back": True}},
    ]
    html = history(events, {7: "Ann <i>"})
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr>(.*?)</tr>", html)[1:]]

    assert [re.sub(r"\|+", "|", row).strip("|") for row in rows] == [
        "Paused|user 8|1970-01-01 00:02:00|scheduledtime: |1970-01-01 00:00:00|; held back: yes",
        "Audience frozen|Postroom|1970-01-01 00:01:00|excluded: opted_out 2",
        "Created|Ann &lt;i&gt;|1970-01-01 00:00:00|name: &lt;b&gt;",
    ]


@pytest.mark.parametrize(
    ("path", "spelled", "ids", "name"),
    [
        ("/console", "/console", (), ""),
        ("/console/task/7", "/console/task/{id}", (7,), ""),
        ("/console/campaign/7/callback/8/redeliver", "/console/campaign/{id}/callback/{id}/redeliver", (7, 8), ""),
        ("/console/job/6b05", "/console/job/{name}", (), "6b05"),
        ("/console/job/123", "/console/job/{name}", (), "123"),
    ],
)
def test_a_path_leads_to_its_page(path: str, spelled: str, ids: tuple[int, ...], name: str) -> None:
    place = find_place(path)

    assert place is not None
    assert (place.path, place.ids, place.name, place.handles) == (spelled, ids, name, PAGES[spelled])


@pytest.mark.parametrize(
    "path", ["/console/", "/console/task", "/console/task/0", "/console/task/9223372036854775808", "/console/job/A/"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert find_place(path) is None
