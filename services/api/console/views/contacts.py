"""The contact records of a task. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, name, number, when
from services.api.console.views.frame import older, table, title

_EVENTS = ("submitted", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained")


def contact_page(
    task: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]],
    total: int,
    asked: Mapping[str, str],
    start: str | None,
) -> Markup:
    """``asked``: the filters. ``start``: where the next page begins."""
    path = f"/console/task/{task['id']}"
    words = ", ".join(value.replace("_", " ") for value in asked.values()) or "all"
    shown = table(
        "Contact records", ["Recipient", "State", "Reason", "Latest"], [_row(each) for each in records], "Nobody."
    )
    return el(
        "div",
        el("p", el("a", "Tasks", href="/console"), " / ", el("a", name(task["name"]), href=path), class_="way"),
        title("Contact records", el("span", words, " · ", number(total), class_="quiet")),
        shown,
        older(f"{path}/contact?{urlencode(asked)}" if asked else f"{path}/contact", start, "More"),
    )


def _row(record: Mapping[str, Any]) -> list[Child]:
    address = record.get("email") or record.get("telephone") or "erased"
    doubt = el("div", f"was in doubt, {record['in_doubt']}", class_="quiet") if record["in_doubt"] else None
    happened = [(record[event], event) for event in _EVENTS if record[event] is not None]
    latest = max(happened, default=None)
    return [
        el("bdi", address),
        text([badge(record["state"]), doubt]),
        el("span", record["reason"], class_="said"),
        text([latest[1], " ", when(latest[0])]) if latest else "–",
    ]
