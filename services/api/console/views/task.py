"""The page of one task. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api.console.live import Figures
from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, channel, name, number, reason_of_task, share, state_of_task, when
from services.api.console.views import figures
from services.api.console.views.frame import facts, live_note, post_form, region, section, table, title

Task = Mapping[str, Any]
Report = Mapping[str, Any]

#: State -> how often each reason was given, of so many of its recipients that were looked at.
Reasons = Mapping[str, tuple[Mapping[str, int], int]]

_WHY: Final = "Counted among the first {most:,} of each state, when this page was loaded."


def task_page(task: Task, report: Report, reasons: Reasons, token: str | None, most: int) -> Markup:
    """``token``: of whoever may change something; None: he may not, and sees no buttons."""
    shown = task_figures(task, report)
    parts = shown.regions
    return el(
        "div",
        el("p", el("a", "Tasks", href="/console"), class_="way"),
        title(name(task["name"]), region("state", parts["state"])),
        region("reason", parts["reason"]),
        live_note(shown.said),
        _buttons(task, shown.flags, token) if token else None,
        region("progress", parts["progress"]),
        el(
            "div",
            section("Funnel", region("funnel", parts["funnel"]), note="Distinct recipients, as the API reports them."),
            section("States", region("states", parts["states"]), _who(task["id"])),
            class_="columns",
        ),
        section("Minute by minute", region("chart", parts["chart"])),
        _reasons(reasons, task["id"], most),
        _doubt(task, parts["doubt"], shown.flags, token),
        _links(report["links"]),
        section("Settings", _facts(task, report)),
    )


def task_figures(task: Task, report: Report) -> Figures:
    state, reason = state_of_task(task), reason_of_task(task)
    ended, began = task["completed"] or task["cancelled"], task["started"]
    audience = task["size"] if task["recipients"] is None else report["audience"]
    settled = figures.settled(report)
    said = f"{state}, {10 * int(10 * settled / audience) if audience else 0} percent settled."
    nobody = el("p", "Its audience is gathered when it starts.", class_="nothing")
    frozen = task["recipients"] is not None
    regions = {
        "state": badge(state),
        "reason": el("p", reason, class_="message bad") if reason else Markup(),
        "progress": _progress(settled, audience),
        "funnel": figures.funnel(report, task["channel"]) if frozen else nobody,
        "states": figures.states(report, task["id"]) if frozen else nobody,
        "chart": figures.chart(report["series"], task["channel"]),
        "doubt": figures.in_doubt(report, task["in_doubt"]),
    }
    flags = {
        "can-pause": not ended and not task["paused"],
        "can-resume": not ended and task["paused"],
        "can-cancel": not ended,
        "can-decide": began and not task["cancelled"],
    }
    return Figures(regions, flags, said[:1].upper() + said[1:])


def _progress(settled: int, audience: int) -> Markup:
    words = [number(settled), " of ", number(audience), " settled · ", share(settled, audience)]
    return el("div", figures.bar(settled, audience), el("p", words), class_="progress large")


def _buttons(task: Task, flags: Mapping[str, bool], token: str) -> Markup:
    path = f"/console/task/{task['id']}"

    def form(flag: str, action: str, *inside: Child) -> Markup:
        return post_form(f"{path}/{action}", token, *inside, flag=flag, shown=flags[flag])

    cancel = el(
        "details",
        el("summary", "Cancel…", class_="button"),
        post_form(
            f"{path}/cancel",
            token,
            el("p", "Whoever was not sent to will not be. This cannot be undone."),
            el("button", "Cancel the task for good", class_="danger"),
            class_="confirm",
        ),
        data_if="can-cancel",
        hidden=not flags["can-cancel"],
    )
    pause = form("can-pause", "pause", el("button", "Pause"))
    resume = form("can-resume", "resume", el("button", "Resume", class_="first"))
    return el("div", pause, resume, cancel, class_="buttons", role="group", aria_label="What can be done")


def _doubt(task: Task, counts: Markup, flags: Mapping[str, bool], token: str | None) -> Markup:
    path = f"/console/task/{task['id']}/in-doubt"
    parts: list[Child] = [region("doubt", counts)]
    if token:
        resend = el("button", "Resend to whoever is held", name="action", value="resend")
        hold = el("button", "Hold whoever is in doubt", name="action", value="hold")
        parts.append(
            post_form(path, token, resend, " ", hold, flag="can-decide", shown=flags["can-decide"], class_="buttons")
        )
    parts.append(el("p", el("a", "Who is held", href=f"/console/task/{task['id']}/contact?in_doubt=held")))
    note = "Nobody knows whether these were sent to: the connection ended between the last byte and the reply."
    return section("In doubt", parts, note=note)


def _who(task_id: int) -> Markup:
    return el("p", el("a", "Contact records", href=f"/console/task/{task_id}/contact"))


def _reasons(reasons: Reasons, task_id: int, most: int) -> Markup:
    rows: list[list[Child]] = []
    for state, (counts, looked_at) in reasons.items():
        link = el("a", badge(state), href=f"/console/task/{task_id}/contact?state={state}")
        rows += [
            [link, el("span", reason, class_="said"), text([number(count), f" of {looked_at:,}"])]
            for reason, count in sorted(counts.items(), key=lambda each: -each[1])
        ]
    if not rows:
        return Markup()
    shown = table("Reasons by state", ["State", "Reason", "Recipients"], rows, "", numbers=1)
    return section("Reasons", shown, note=_WHY.format(most=most))


def _links(links: Sequence[Mapping[str, Any]]) -> Markup:
    rows: list[list[Child]] = [
        [el("span", link["url"], class_="said"), number(link["unique"]), number(link["total"])] for link in links
    ]
    if not rows:
        return Markup()
    return section("Links", table("Clicks by link", ["Link", "Distinct", "In all"], rows, "", numbers=2))


def _facts(task: Task, report: Report) -> Markup:
    target = f"list {task['list_id']}" if task["search_id"] is None else f"search {task['search_id']}"
    campaign = task["campaign_id"]
    left_out = [(reason.replace("_", " "), count) for reason, count in (report["excluded"] or {}).items() if count]
    excluded = ", ".join(f"{reason} {count:,}" for reason, count in left_out)
    pairs: list[tuple[str, Child]] = [
        ("Task", f"no. {task['id']}, {channel(task['channel'])}"),
        ("Message", f"no. {task['message_id']}"),
        ("Sent to", target),
        ("Size when posted", number(task["size"])),
        ("Left out at the start", excluded or "nobody"),
        ("Scheduled", when(task["scheduledtime"])),
        ("Ended", when(task["endtime"])),
        ("Expires", when(task["expires"])),
        ("Rate", "as fast as it goes" if task["rate"] is None else f"{task['rate']:,} an hour"),
    ]
    if campaign is not None:
        pairs.append(("Campaign", el("a", f"no. {campaign}", href=f"/console/campaign/{campaign}")))
    return facts(pairs)
