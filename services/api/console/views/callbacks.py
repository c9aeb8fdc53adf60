"""Callbacks: where those of each campaign stand, and the calls of one. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, channel, name, number, when
from services.api.console.views.frame import post_form, section, table, title

Line = Mapping[str, Any]
Window = Mapping[str, Any]


def callback_page(lines: Sequence[Line]) -> Markup:
    return el("div", title("Callbacks"), section("By campaign", line_table(lines, "No campaign has made a call yet.")))


def line_table(lines: Sequence[Line], nothing: str) -> Markup:
    columns = ["Campaign", "State", "Last answer", "Next attempt (UTC)", "Waiting"]
    return table("Callbacks by campaign", columns, [_line(each) for each in lines], nothing, numbers=1)


def _line(line: Line) -> list[Child]:
    failing = el("div", f"failed {line['failures']:,} times in a row", class_="quiet") if line["failures"] else None
    return [
        el("a", name(line["name"]), href=f"/console/campaign/{line['id']}"),
        text([badge(line["state"]), failing]),
        _answer(line),
        when(line["due_at"]),
        number(line["waiting"]),
    ]


def window_table(campaign_id: int, windows: Sequence[Window], token: str | None) -> Markup:
    """``token``: of whoever may have one made again."""
    columns = ["Call", "State", "Last answer", "Attempts", *(["Again"] if token else [])]
    rows = [_window(campaign_id, each, token) for each in windows]
    return table("Calls of this campaign", columns, rows, "No call has been made.")


def _window(campaign_id: int, window: Window, token: str | None) -> list[Child]:
    about = text([channel(window["channel"]), " · ", number(window["people"]), " people · ", when(window["when"])])
    next_at = window["next_attempt"] if window["attempts"] else None
    tried = text([number(window["attempts"]), el("div", "next ", when(next_at), class_="quiet") if next_at else None])
    cells: list[Child] = [
        [f"{window['event']} no. {window['id']}", el("div", about, class_="quiet")],
        badge(window["state"]),
        _answer(window),
        tried,
    ]
    if token:
        path = f"/console/campaign/{campaign_id}/callback/{window['id']}/redeliver"
        again = el("button", "Redeliver", aria_label=f"Redeliver call {window['id']}")
        cells.append(post_form(path, token, again))
    return cells


def _answer(told: Mapping[str, Any]) -> Markup:
    status, error = told["last_status"], told["last_error"]
    if status is None and not error:
        return el("span", "–", class_="quiet")
    return el("span", " ".join(str(part) for part in (status, error) if part), class_="said")
