"""Campaigns: the list, and the page of one. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.api.console.live import Figures
from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, channel, name, when
from services.api.console.views.callbacks import window_table
from services.api.console.views.figures import progress
from services.api.console.views.frame import facts, live_note, older, post_form, region, section, table, title
from services.api.console.views.tasks import task_figures, task_table

Campaign = Mapping[str, Any]
Tasks = Sequence[Mapping[str, Any]]
Handed = Mapping[int, int]

#: What its user may do, by the state it is in: the state to go to, and the words on the button.
_MOVES: Final = {
    "DRAFT": (("SCHEDULED", "Schedule"),),
    "SCHEDULED": (("DRAFT", "Back to draft"),),
    "READY": (("SCHEDULED", "Pull back"),),
}


def campaign_list(campaigns: Sequence[Campaign], tasks: Tasks, handed: Handed, before: int | None) -> Markup:
    """``tasks``: of all of them. ``before``: the id where the next page begins."""
    shown = campaigns_figures(campaigns, tasks, handed)
    return el(
        "div",
        title("Campaigns"),
        live_note("", "/console/campaigns"),
        table(
            "Campaigns, the newest first",
            ["Campaign", "State", "Handed over", "When (UTC)"],
            [_row(each, shown) for each in campaigns],
            "No campaigns yet.",
        ),
        older("/console/campaigns", None if before is None else str(before)),
    )


def campaigns_figures(campaigns: Sequence[Campaign], tasks: Tasks, handed: Handed) -> Figures:
    regions: dict[str, Markup] = {}
    for campaign in campaigns:
        own = [task for task in tasks if task["id"] in campaign["tasks"]]
        regions[f"c{campaign['id']}-state"] = _state(campaign)
        regions[f"c{campaign['id']}-progress"] = _progress(own, handed)
    sending = sum(campaign["state"] == "SENDING" for campaign in campaigns)
    return Figures(regions, said=f"Campaigns: {sending} sending." if sending else "")


def _row(campaign: Campaign, shown: Figures) -> list[Child]:
    number_, link = campaign["id"], f"/console/campaign/{campaign['id']}"
    channels = ", ".join(channel(each["channel"]) for each in campaign["payloads"]) or "no payload yet"
    named = [el("a", name(campaign["name"]), href=link), el("div", f"{channels} · no. {number_}", class_="quiet")]
    live = [region(key, shown.regions[key]) for key in (f"c{number_}-state", f"c{number_}-progress")]
    return [named, *live, when(campaign["when"])]


def _state(campaign: Campaign) -> Markup:
    return text(
        [badge(campaign["state"]), el("div", campaign["error"], class_="reason") if campaign["error"] else None]
    )


def _progress(tasks: Tasks, handed: Handed) -> Markup:
    if not tasks:
        return el("span", "–", class_="quiet")
    audience = sum(task["size"] if task["recipients"] is None else task["recipients"] for task in tasks)
    return progress(sum(handed.get(task["id"], 0) for task in tasks), audience)


def campaign_figures(campaign: Campaign, tasks: Tasks, handed: Handed) -> Figures:
    """Of its page. Its moves depend on its state, and so does whether each is shown."""
    regions = {"state": _state(campaign), "progress": _progress(tasks, handed)}
    flags = {f"in-{state.lower()}": campaign["state"] == state for state in _MOVES}
    said = f"{campaign['state'].lower()}, {sum(handed.values()):,} handed over."
    return Figures({**regions, **task_figures(tasks, handed).regions}, flags, said[:1].upper() + said[1:])


def campaign_page(
    campaign: Campaign, tasks: Tasks, handed: Handed, windows: Sequence[Mapping[str, Any]], token: str | None
) -> Markup:
    shown = campaign_figures(campaign, tasks, handed)
    return el(
        "div",
        el("p", el("a", "Campaigns", href="/console/campaigns"), class_="way"),
        title(name(campaign["name"]), region("state", shown.regions["state"])),
        live_note(shown.said, f"/console/campaign/{campaign['id']}"),
        _moves(campaign, shown.flags, token) if token else None,
        region("progress", shown.regions["progress"]),
        section("Tasks", task_table(tasks, handed, "It makes one task per payload when it starts.")),
        section(
            "Callbacks",
            window_table(campaign["id"], windows, token),
            note="The calls that wait, and the latest that were made.",
        ),
        section("Settings", _facts(campaign)),
    )


def _moves(campaign: Campaign, flags: Mapping[str, bool], token: str) -> Markup:
    forms = [
        post_form(
            f"/console/campaign/{campaign['id']}/move",
            token,
            el("button", words, name="state", value=wanted),
            flag=f"in-{state.lower()}",
            shown=flags[f"in-{state.lower()}"],
        )
        for state, moves in _MOVES.items()
        for wanted, words in moves
    ]
    return el("div", forms, class_="buttons", role="group", aria_label="What can be done")


def _facts(campaign: Campaign) -> Markup:
    segments = ", ".join(map(str, campaign["segments"])) or "none: the whole list"
    payloads = ", ".join(f"{channel(each['channel'])}: message {each['message_id']}" for each in campaign["payloads"])
    pairs: list[tuple[str, Child]] = [
        ("Campaign", f"no. {campaign['id']}"),
        ("List", f"no. {campaign['list']}"),
        ("Segments", segments),
        ("Payloads", payloads or "none"),
        ("When", when(campaign["when"])),
        ("Made", when(campaign["cdate"])),
        ("Callback", el("span", campaign["event_callback"] or "none", class_="said")),
    ]
    return facts(pairs)
