"""Jobs: the list, and the page of one. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api.console.live import Figures
from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, name, number
from services.api.console.views.figures import bar
from services.api.console.views.frame import facts, live_note, older, region, section, table, title

Job = Mapping[str, Any]

#: What has a place of its own on the page; the rest is what its type tells.
_KNOWN: Final = frozenset(
    {"job_id", "status", "name", "start_time", "end_time", "progress", "rows", "rows_failed", "errors", "errormsg"}
)


def job_list(jobs: Sequence[Job], before: int | None) -> Markup:
    columns = ["Job", "State", "Progress", "Started", "Rows", "Failed"]
    return el(
        "div",
        title("Jobs"),
        live_note("", "/console/jobs"),
        table("Jobs, the newest first", columns, [_row(each) for each in jobs], "No jobs yet.", numbers=2),
        older("/console/jobs", None if before is None else str(before)),
    )


def jobs_figures(jobs: Sequence[Job]) -> Figures:
    regions: dict[str, Markup] = {}
    for job in jobs:
        regions |= _regions(job)
    return Figures(regions)


def _row(job: Job) -> list[Child]:
    state, progress, rows, failed = (region(key, inside) for key, inside in _regions(job).items())
    named = el("a", name(job["name"]), href=f"/console/job/{job['job_id']}")
    return [
        [named, el("div", job["job_id"], class_="quiet")],
        state,
        progress,
        job.get("start_time", "–"),
        rows,
        failed,
    ]


def _regions(job: Job) -> dict[str, Markup]:
    key, said = f"j{job['job_id']}", job.get("errormsg")
    return {
        f"{key}-state": text([badge(job["status"]), el("div", said, class_="reason") if said else None]),
        f"{key}-progress": _progress(job),
        f"{key}-rows": number(job["rows"]),
        f"{key}-failed": number(job["rows_failed"]),
    }


def _progress(job: Job) -> Markup:
    return el(
        "div", bar(job["progress"], 100), el("p", el("span", f"{job['progress']} %", class_="n")), class_="progress"
    )


def job_figures(job: Job) -> Figures:
    regions = _regions(job)
    return Figures(regions, said=f"{job['status'].capitalize()}, {10 * (job['progress'] // 10)} percent.")


def job_page(job: Job) -> Markup:
    state, progress, rows, failed = (region(key, inside) for key, inside in _regions(job).items())
    errors: list[list[Child]] = [
        [f"line {each['line']}", el("span", each["message"], class_="said")] for each in job["errors"]
    ]
    told: list[tuple[str, Child]] = [
        (key.replace("_", " ").capitalize(), el("span", str(value), class_="said"))
        for key, value in job.items()
        if key not in _KNOWN
    ]
    pairs: list[tuple[str, Child]] = [
        ("Rows", rows),
        ("Rows that failed", failed),
        ("Started", job.get("start_time", "–")),
        ("Ended", job.get("end_time", "–")),
    ]
    return el(
        "div",
        el("p", el("a", "Jobs", href="/console/jobs"), class_="way"),
        title(name(job["name"]), state),
        el("p", job["job_id"], class_="quiet"),
        live_note(job_figures(job).said),
        progress,
        section("Facts", facts([*pairs, *told])),
        section(
            "Rows that failed",
            table("Errors", ["Line", "What is wrong"], errors, "None."),
            note="The first hundred, when this page was loaded.",
        ),
    )
