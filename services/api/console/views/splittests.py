"""Split tests: the list, and the page of one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.api.console.live import Figures
from services.api.console.markup import Child, Markup, el, text
from services.api.console.spelling import badge, name, number, share, state_of_splittest, state_of_task, when
from services.api.console.views.figures import bar, progress
from services.api.console.views.frame import facts, live_note, older, post_form, region, section, table, title

SplitTest = Mapping[str, Any]

#: What is counted for the winner: as the API has it, and in words.
_CRITERIA: Final = {"open": "opened", "click": "clicked"}


@dataclass(frozen=True, slots=True)
class Tasks:
    """Those of the split tests shown, by id, and how many messages of each were taken."""

    known: Mapping[int, Mapping[str, Any]]
    handed: Mapping[int, int]


def splittest_list(tests: Sequence[SplitTest], tasks: Tasks, total: int, start: str | None) -> Markup:
    """``start``: where the next page begins."""
    shown = splittests_figures(tests, tasks)
    return el(
        "div",
        title("Split tests", el("span", number(total), " in all", class_="quiet")),
        live_note("", "/console/splittests"),
        table(
            "Split tests, the newest first",
            ["Split test", "State", "Handed over", "Scheduled (UTC)"],
            [_row(each, shown) for each in tests],
            "No split tests yet.",
        ),
        older("/console/splittests", start),
    )


def splittests_figures(tests: Sequence[SplitTest], tasks: Tasks) -> Figures:
    regions: dict[str, Markup] = {}
    for test in tests:
        regions[f"s{test['id']}-state"] = badge(state_of_splittest(test))
        regions[f"s{test['id']}-progress"] = _progress(test, tasks)
    return Figures(regions)


def _row(test: SplitTest, shown: Figures) -> list[Child]:
    about = f"{len(test['variants'])} messages · no. {test['id']}"
    named = el("a", name(test["name"]), href=f"/console/splittest/{test['id']}")
    live = [region(key, shown.regions[key]) for key in (f"s{test['id']}-state", f"s{test['id']}-progress")]
    return [[named, el("div", about, class_="quiet")], *live, when(test["scheduledtime"])]


def _progress(test: SplitTest, tasks: Tasks) -> Markup:
    audience = test["size"] if test["recipients"] is None else test["recipients"]
    return progress(sum(tasks.handed.get(task_id, 0) for task_id in tasks_in(test)), audience)


def tasks_in(test: SplitTest) -> list[int]:
    """The ids of its tasks that there are."""
    ids = [*(variant["task_id"] for variant in test["variants"]), test["winner_task_id"]]
    return [task_id for task_id in ids if task_id is not None]


def splittest_page(test: SplitTest, tasks: Tasks, messages: Mapping[int, str], token: str | None) -> Markup:
    """``messages``: their names by id. ``token``: of whoever may change something."""
    shown = splittest_figures(test, tasks)
    return el(
        "div",
        el("p", el("a", "Split tests", href="/console/splittests"), class_="way"),
        title(name(test["name"]), region("state", shown.regions["state"])),
        live_note(shown.said, f"/console/splittest/{test['id']}"),
        _cancel(test, shown.flags, token) if token else None,
        region("progress", shown.regions["progress"]),
        section("Variants", _variants(test, shown, messages, token), note=_how_it_is_decided(test)),
        section("Everybody else", region("rest", shown.regions["rest"])),
        section("Settings", _facts(test)),
    )


def splittest_figures(test: SplitTest, tasks: Tasks) -> Figures:
    """Of its page. What can be done depends on its state, and so does whether it is shown."""
    regions = {
        "state": badge(state_of_splittest(test)),
        "progress": _progress(test, tasks),
        "rest": _rest(test, tasks),
    }
    for place, variant in enumerate(test["variants"]):
        for key, cell in zip(_CELLS, _cells(test, variant, tasks), strict=True):
            regions[f"v{place}-{key}"] = cell
    ended = test["completed"] or test["cancelled"]
    drawn = test["recipients"] is not None
    flags = {"can-choose": drawn and not ended and test["winner_message_id"] is None, "can-cancel": not ended}
    said = f"{state_of_splittest(test)}, {sum(tasks.handed.values()):,} handed over."
    return Figures(regions, flags, said[:1].upper() + said[1:])


_CELLS: Final = ("state", "taken", "opened", "clicked", "result")
_COLUMNS: Final = ("Message", "State", "Handed over", "Opened", "Clicked", "Result")


def _variants(test: SplitTest, shown: Figures, messages: Mapping[int, str], token: str | None) -> Markup:
    rows: list[list[Child]] = []
    for place, variant in enumerate(test["variants"]):
        message_id = variant["message_id"]
        named: list[Child] = [
            name(messages.get(message_id, "(removed)")),
            el("div", f"message {message_id}", class_="quiet"),
            _choose(test, message_id, shown.flags, token) if token else None,
        ]
        rows.append([named, *(region(f"v{place}-{key}", shown.regions[f"v{place}-{key}"]) for key in _CELLS)])
    return table("Variants, in the order of its messages", list(_COLUMNS), rows, "")


def _cells(test: SplitTest, variant: Mapping[str, Any], tasks: Tasks) -> list[Markup]:
    """As ``_CELLS`` names them: its funnel, and what it came to."""
    task = tasks.known.get(variant["task_id"] or 0)
    if task is None:
        return [badge("scheduled"), *([el("span", "–", class_="quiet")] * 4)]
    handed = tasks.handed.get(task["id"], 0)
    state = el("a", badge(state_of_task(task)), href=f"/console/task/{task['id']}")
    funnel = [_part(task[field] or 0, handed) for field in ("emailuniqueopens", "emailuniqueclicks")]
    return [state, progress(handed, variant["recipients"]), *funnel, _result(test, variant)]


def _part(count: int, handed: int) -> Markup:
    words = [number(count), " · ", share(count, handed)]
    return el("div", bar(count, handed, "good"), el("p", words), class_="progress")


def _result(test: SplitTest, variant: Mapping[str, Any]) -> Markup:
    parts: list[Child] = [badge("winner") if variant["message_id"] == test["winner_message_id"] else None]
    if variant["score"] is not None:
        did = _CRITERIA[test["criterion"]]
        parts.append(el("div", number(variant["score"]), f" of {variant['accepted']:,} {did}", class_="quiet"))
    return text(parts) or el("span", "–", class_="quiet")


def _rest(test: SplitTest, tasks: Tasks) -> Markup:
    if test["rest"] is None:
        return el("p", "They are known when the sample is drawn.", class_="nothing")
    task = tasks.known.get(test["winner_task_id"] or 0)
    if task is None:
        return el("p", number(test["rest"]), " in no variant.")
    link = el("a", badge(state_of_task(task)), href=f"/console/task/{task['id']}")
    return el(
        "div", el("p", "The winner goes to them: ", link), progress(tasks.handed.get(task["id"], 0), test["rest"])
    )


def _how_it_is_decided(test: SplitTest) -> str:
    did = _CRITERIA[test["criterion"]]
    who = (
        "a person names the winner" if test["action"] == "tellme" else f"the one that most of its recipients {did} wins"
    )
    return f"{test['delay']:g} h after the last variant has ended, {who}. A person may choose before."


def _choose(test: SplitTest, message_id: int, flags: Mapping[str, bool], token: str) -> Markup:
    return el(
        "details",
        el("summary", "Make it the winner…", class_="button"),
        post_form(
            f"/console/splittest/{test['id']}/winner",
            token,
            el("p", "It goes to everybody else at once. This cannot be undone."),
            el("button", "Send it to everybody else", class_="danger", name="message", value=message_id),
            class_="confirm",
        ),
        data_if="can-choose",
        hidden=not flags["can-choose"],
    )


def _cancel(test: SplitTest, flags: Mapping[str, bool], token: str) -> Markup:
    cancel = el(
        "details",
        el("summary", "Cancel…", class_="button"),
        post_form(
            f"/console/splittest/{test['id']}/cancel",
            token,
            el("p", "It cancels all its tasks. Whoever was not sent to will not be. This cannot be undone."),
            el("button", "Cancel the split test for good", class_="danger"),
            class_="confirm",
        ),
        data_if="can-cancel",
        hidden=not flags["can-cancel"],
    )
    return el("div", cancel, class_="buttons", role="group", aria_label="What can be done")


def _facts(test: SplitTest) -> Markup:
    target = f"list {test['list_id']}" if test["search_id"] is None else f"search {test['search_id']}"
    sample = f"{test['segmentvalue']:,}{' %' if test['segmenttype'] == 'percentage' else ' recipients'}"
    pairs: list[tuple[str, Child]] = [
        ("Split test", f"no. {test['id']}"),
        ("Sent to", target),
        ("Size when posted", number(test["size"])),
        ("Sample", sample),
        ("A tie", {"first": "the first of them", "random": "one by chance"}.get(test["tie"], "a person decides")),
        ("Scheduled", when(test["scheduledtime"])),
        ("Measured", when(test["measured_at"])),
        ("Ended", when(test["endtime"])),
        ("Rate", "as fast as it goes" if test["rate"] is None else f"{test['rate']:,} an hour"),
    ]
    return facts(pairs)
