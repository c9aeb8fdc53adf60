"""Who is not written to: the search, and what it found. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import channel, number, when
from services.api.console.views.frame import older, post_form, table, title
from shared.domain.suppression import REASONS


def suppression_page(
    found: Sequence[Mapping[str, Any]], total: int, asked: Mapping[str, str], start: str | None, token: str | None
) -> Markup:
    """``asked``: the filters. ``token``: of whoever may lift one."""
    columns = ["Address", "Reason", "Where", "Since (UTC)", *(["Lift"] if token else [])]
    shown = table("Suppressions", columns, [_row(each, token) for each in found], "Nobody.")
    path = f"/console/suppressions?{urlencode(asked)}" if asked else "/console/suppressions"
    return el(
        "div",
        title("Suppressions", el("span", number(total), " found", class_="quiet")),
        _search(asked),
        shown,
        older(path, start, "More"),
    )


def _search(asked: Mapping[str, str]) -> Markup:
    return el(
        "form",
        _field("address", "Email or telephone", asked),
        _field("list_id", "List no.", asked, inputmode="numeric"),
        _reasons(asked.get("reason")),
        el("button", "Find", class_="first"),
        class_="search",
        method="get",
        action="/console/suppressions",
        role="search",
    )


def _field(key: str, words: str, asked: Mapping[str, str], inputmode: str | None = None) -> Markup:
    given = el(
        "input",
        id=f"f-{key}",
        name=key,
        value=asked.get(key),
        inputmode=inputmode,
        autocomplete="off",
        spellcheck="false",
    )
    return el("div", el("label", words, for_=f"f-{key}"), given)


def _reasons(chosen: str | None) -> Markup:
    options = [el("option", reason.replace("_", " "), value=reason, selected=reason == chosen) for reason in REASONS]
    anything = el("option", "any", value="", selected=not chosen)
    return el(
        "div", el("label", "Reason", for_="f-reason"), el("select", anything, options, id="f-reason", name="reason")
    )


def _row(found: Mapping[str, Any], token: str | None) -> list[Child]:
    address = found.get("email") or found.get("telephone") or "erased"
    where = "everywhere" if found["list_id"] is None else f"list {found['list_id']}"
    kind = ", marketing only" if found["marketing_only"] else ""
    cells: list[Child] = [
        [el("bdi", address), el("div", channel(found["channel"]), class_="quiet")],
        text([found["reason"].replace("_", " "), el("div", found["detail"], class_="quiet said")]),
        [where + kind, el("div", f"by {found['source']}", class_="quiet")],
        when(found["cdate"]),
    ]
    if token:
        lift = post_form(
            f"/console/suppression/{found['id']}/lift",
            token,
            el("p", "Messages to this address go out again."),
            el("button", "Lift", class_="danger"),
            class_="confirm",
        )
        cells.append(el("details", el("summary", "Lift…", class_="button"), lift))
    return cells
