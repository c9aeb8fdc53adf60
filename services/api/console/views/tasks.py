"""The list of tasks. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api.console.live import Figures
from services.api.console.markup import Child, Markup, el
from services.api.console.spelling import badge, channel, name, number, reason_of_task, state_of_task, when
from services.api.console.views.figures import progress
from services.api.console.views.frame import live_note, older, region, table, title

SHOWN: Final = {"": "All", "open": "Under way and to come", "completed": "Completed", "cancelled": "Cancelled"}

Task = Mapping[str, Any]


def task_list(tasks: Sequence[Task], handed: Mapping[int, int], total: int, show: str, start: str | None) -> Markup:
    """``handed``: how many messages of each were taken, by its id. ``start``: where the next page begins."""
    return el(
        "div",
        title("Tasks", el("span", number(total), " in all", class_="quiet")),
        _choice(show),
        live_note("", f"/console?show={show}" if show else "/console"),
        task_table(tasks, handed, "No tasks here."),
        older(f"/console?show={show}" if show else "/console", start),
    )


def task_table(tasks: Sequence[Task], handed: Mapping[int, int], nothing: str) -> Markup:
    rows = [_row(task, handed.get(task["id"], 0)) for task in tasks]
    columns = ["Task", "State", "Handed over", "Bounced", "Scheduled (UTC)"]
    return table("Tasks, the newest first", columns, rows, nothing)


def task_figures(tasks: Sequence[Task], handed: Mapping[int, int]) -> Figures:
    regions: dict[str, Markup] = {}
    for task in tasks:
        regions |= _regions(task, handed.get(task["id"], 0))
    counts = [state_of_task(task) for task in tasks]
    words = [f"{counts.count(state)} {state}" for state in ("sending", "paused", "blocked") if state in counts]
    return Figures(regions, said=f"Tasks: {', '.join(words)}." if words else "")


def _row(task: Task, handed: int) -> list[Child]:
    regions = _regions(task, handed)
    about = f"{channel(task['channel'])} · no. {task['id']}"
    named = el("a", name(task["name"]), href=f"/console/task/{task['id']}")
    live = [region(key, inside) for key, inside in regions.items()]
    return [[named, el("div", about, class_="quiet")], *live, when(task["scheduledtime"])]


def _regions(task: Task, handed: int) -> dict[str, Markup]:
    task_id, reason = task["id"], reason_of_task(task)
    bounced = task["emailuniquebounces"] if task["channel"] == "email" else task["smsuniquebounces"]
    audience = task["size"] if task["recipients"] is None else task["recipients"]
    return {
        f"t{task_id}-state": Markup(badge(state_of_task(task)) + el("div", reason, class_="reason")),
        f"t{task_id}-progress": progress(handed, audience),
        f"t{task_id}-bounced": number(bounced),
    }


def _choice(show: str) -> Markup:
    links = [
        el(
            "li",
            el(
                "a",
                words,
                href=f"/console?show={key}" if key else "/console",
                aria_current="true" if key == show else None,
            ),
        )
        for key, words in SHOWN.items()
    ]
    return el("nav", el("ul", links), class_="choice", aria_label="Which tasks")
