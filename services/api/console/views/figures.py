"""What became of a task, as figures: its funnel, its states, its minutes. Pure.

Bars are SVG, since a policy that allows no styles inline leaves nothing else to size them by.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api.console.markup import Markup, el
from services.api.console.spelling import badge, number, share, when

MOST_COLUMNS: Final = 120  #: of the chart; longer histories are gathered

_FUNNELS: Final = {
    "email": ("submitted", "delivered", "opened", "clicked"),
    "sms": ("submitted", "delivered"),
}
_CHARTS: Final = {
    "email": ("submitted", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained"),
    "sms": ("submitted", "delivered", "bounced", "unsubscribed"),
}
_WIDTH: Final = 600
_HEIGHT: Final = 32


def bar(part: int, whole: int, tone: str = "busy") -> Markup:
    """As wide as the part; to be seen only, the figure stands beside it."""
    width = round(100 * min(part / whole, 1), 2) if whole else 0
    track = el("rect", width="100", height="8", class_="track")
    return el(
        "svg",
        track,
        el("rect", width=width, height="8", class_=f"fill {tone}"),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def progress(handed: int, audience: int) -> Markup:
    words = [number(handed), " of ", number(audience), " · ", share(handed, audience)]
    return el("div", bar(handed, audience), el("p", words), class_="progress")


def settled(report: Mapping[str, Any]) -> int:
    """Of how many it is known what became of them."""
    return int(report["audience"]) - int(report["states"]["pending"])


def funnel(report: Mapping[str, Any], channel: str) -> Markup:
    """From the audience to the last thing that people did, each with its part of the audience."""
    whole = report["audience"]
    rows = [("audience", whole), *((event, report["unique"][event]) for event in _FUNNELS[channel])]
    machine = report["machine"]
    notes = {event: f"{machine[event]:,} by machines alone" for event in ("opened", "clicked") if machine[event]}
    return el(
        "table",
        el("caption", "From the audience to clicks: distinct recipients", class_="unseen"),
        _heads("Step", "Share", "Recipients", "Percent"),
        el(
            "tbody",
            [
                el(
                    "tr",
                    el("th", step, scope="row", data_step=step),
                    el("td", bar(count, whole, "good")),
                    el("td", number(count), class_="figure"),
                    el("td", share(count, whole), class_="figure"),
                    el("td", notes.get(step), class_="quiet"),
                )
                for step, count in rows
            ],
        ),
        class_="funnel",
    )


def states(report: Mapping[str, Any], task_id: int) -> Markup:
    """Everybody is in exactly one. A state that nobody is in is left out, but for the two that are looked for."""
    order = ("accepted", "pending", "bounced", "failed", "in_doubt", "suppressed", "uncharged", "cancelled")
    rows = [
        el(
            "tr",
            el("th", badge(state), scope="row"),
            el("td", bar(count, report["audience"], state)),
            el("td", number(count), class_="figure"),
            el("td", share(count, report["audience"]), class_="figure"),
            data_state=state,
        )
        for state in order
        if (count := report["states"][state]) or state in ("accepted", "pending")
    ]
    return el(
        "table",
        el("caption", f"States of the recipients of task {task_id}", class_="unseen"),
        _heads("State", "Share", "Recipients", "Percent"),
        el("tbody", rows),
        class_="funnel",
    )


def _heads(*words: str) -> Markup:
    """For whoever does not see what the columns are."""
    return el("thead", el("tr", [el("th", word, scope="col") for word in words]), class_="unseen")


def in_doubt(report: Mapping[str, Any], policy: str) -> Markup:
    held, resent = report["in_doubt"]["held"], report["in_doubt"]["resent"]
    will = "are sent once more" if policy == "resend" else "are held"
    return el("p", number(held), " held · ", number(resent), f" sent once more. From now on, those in doubt {will}.")


def chart(series: Sequence[Mapping[str, int]], channel: str) -> Markup:
    """A row of bars for each kind of event, each to its own scale: small numbers matter beside large ones."""
    if not series:
        return el("p", "Nothing has happened yet.", class_="nothing")
    first, last = series[0]["minute"], series[-1]["minute"]
    step = 60 * (1 + ((last - first) // 60) // MOST_COLUMNS)
    columns = (last - first) // step + 1
    heights = {event: _gathered(series, event, first, step, columns) for event in _CHARTS[channel]}
    shown = [event for event in _CHARTS[channel] if any(heights[event])]
    per = "per minute" if step == 60 else f"per {step // 60} minutes"
    return el(
        "table",
        el(
            "caption",
            "Events ",
            per,
            ", from ",
            when(first),
            " to ",
            when(last + 60),
            " UTC; the most at the end of each row",
        ),
        _heads("Event", "Course", f"Most {per}"),
        el(
            "tbody",
            [
                el(
                    "tr",
                    el("th", event, scope="row"),
                    el("td", _bars(heights[event], event)),
                    el("td", number(max(heights[event])), class_="figure"),
                )
                for event in shown
            ],
        ),
        class_="chart",
    )


def _gathered(series: Sequence[Mapping[str, int]], event: str, first: int, step: int, columns: int) -> list[int]:
    heights = [0] * columns
    for minute in series:
        heights[(minute["minute"] - first) // step] += minute.get(event, 0)
    return heights


def _bars(heights: Sequence[int], event: str) -> Markup:
    most, width = max(heights), min(_WIDTH / len(heights), 24)
    bars = [
        el(
            "rect",
            x=round(place * width, 2),
            y=round(_HEIGHT - tall, 2),
            width=round(width * 0.85, 2),
            height=round(tall, 2),
        )
        for place, height in enumerate(heights)
        if height and (tall := max(2.0, _HEIGHT * height / most))
    ]
    return el(
        "svg",
        bars,
        class_=f"course {event}",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{event}: {sum(heights):,} in all, at most {most:,}",
    )
