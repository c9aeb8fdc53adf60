"""What has been given up and waits for somebody. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, channel, name, number, when
from services.api.console.views.callbacks import line_table
from services.api.console.views.frame import older, section, table, title

Rows = Sequence[Mapping[str, Any]]


def parked_page(lines: Rows, notices: Rows, postbacks: Rows, before: int | None, dead_letters: str) -> Markup:
    """``before``: the id of a notice where the next page begins. ``dead_letters``: the queue of the broker."""
    sent = ["Message", "State", "Reason", "Asked for (UTC)", "Attempts"]
    return el(
        "div",
        title("Parked"),
        section(
            "Callbacks given up",
            line_table(lines, "None."),
            note="Redeliver one of a campaign's calls, and the rest goes on behind it.",
        ),
        section(
            "Single messages",
            table("Notices", sent, [_notice(each) for each in notices], "None.", numbers=1),
            older("/console/parked", None if before is None else str(before)),
            note="Proofs, confirmations and reports that nobody took, or of which nobody said that he did.",
        ),
        section(
            "Postbacks of jobs",
            table(
                "Postbacks",
                ["Job", "Reason", "Posted (UTC)", "Attempts"],
                [_postback(each) for each in postbacks],
                "None.",
                numbers=1,
            ),
        ),
        section(
            "On the broker",
            el(
                "p",
                "Hints that could not be read, or were delivered too often, lie in the queue ",
                el("code", dead_letters),
                " with their reason. No state is lost with them: a sweep finds what a hint announced.",
            ),
        ),
    )


def _notice(notice: Mapping[str, Any]) -> list[Child]:
    purpose = notice["purpose"].replace("_", " ")
    return [
        text([purpose, el("div", f"{channel(notice['channel'])} · no. {notice['id']}", class_="quiet")]),
        badge(notice["state"]),
        el("span", notice["reason"], class_="said"),
        when(notice["cdate"]),
        number(notice["attempt"]),
    ]


def _postback(postback: Mapping[str, Any]) -> list[Child]:
    return [
        el("a", name(postback["name"]), href=f"/console/job/{postback['job_id']}"),
        el("span", postback["reason"], class_="said"),
        when(postback["cdate"]),
        number(postback["attempt"]),
    ]
