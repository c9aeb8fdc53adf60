"""The page of one task, its contact records, and what can be done about it."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from services.api.console.live import Figures
from services.api.console.markup import el
from services.api.console.pages.carry_out import carry_out
from services.api.console.read import ON_A_PAGE, names_of_users
from services.api.console.reply import Page, Reply
from services.api.console.views.contacts import contact_page
from services.api.console.views.history import history
from services.api.console.views.task import task_figures, task_page
from services.api.console.visit import Visit
from services.api.problem import Problem

LOOKED_AT: Final = 200  #: recipients of each state whose reasons are counted
_REASONED: Final = ("failed", "bounced", "in_doubt", "suppressed", "uncharged", "cancelled", "pending")


async def show_task(visit: Visit) -> Reply:
    path = f"/task/{visit.ids[0]}"
    found = await visit.read(path, f"{path}/report", f"{path}/history")
    if isinstance(found, Problem):
        return found
    task, report, events = found
    reasons = await _reasons(visit, report["states"])
    body = el(
        "div",
        task_page(task, report, reasons, visit.token, LOOKED_AT),
        history(events, await names_of_users(visit.database, visit.caller)),
    )
    return Page(task["name"], body, "tasks", live=f"/console/task/{task['id']}/live")


async def read_figures(visit: Visit) -> Figures | Problem:
    path = f"/task/{visit.ids[0]}"
    found = await visit.read(path, f"{path}/report")
    return found if isinstance(found, Problem) else task_figures(*found)


async def _reasons(visit: Visit, states: Mapping[str, int]) -> dict[str, tuple[Counter[str], int]]:
    reasons = {}
    for state in _REASONED:
        if not states[state]:
            continue
        found = await visit.get(f"/task/{visit.ids[0]}/contact", state=state, count=str(LOOKED_AT))
        if not isinstance(found, Problem):
            given = [record["reason"] for record in found.body]
            reasons[state] = (Counter(reason for reason in given if reason), len(given))
    return reasons


async def show_contacts(visit: Visit) -> Reply:
    path = f"/task/{visit.ids[0]}"
    asked = {key: value for key, value in visit.query.items() if key in ("state", "event", "in_doubt") and value}
    found = await visit.read(path)
    records = await visit.get(f"{path}/contact", count=str(ON_A_PAGE), start=visit.query.get("start"), **asked)
    if isinstance(found, Problem):
        return found
    if isinstance(records, Problem):
        return records
    (task,) = found
    body = contact_page(task, records.body, records.total, asked, records.next)
    return Page(f"Contact records of {task['name']}", body, "tasks")


async def pause(visit: Visit) -> Reply:
    return await _change(visit, {"paused": True})


async def resume(visit: Visit) -> Reply:
    return await _change(visit, {"paused": False})


async def cancel(visit: Visit) -> Reply:
    return await _change(visit, {"cancelled": True})


async def decide(visit: Visit) -> Reply:
    wish = {"action": visit.form.get("action", "")}
    return await carry_out(visit, "POST", f"/task/{visit.ids[0]}/in-doubt", wish, show_task, _page(visit))


async def _change(visit: Visit, change: Mapping[str, Any]) -> Reply:
    return await carry_out(visit, "PUT", f"/task/{visit.ids[0]}", change, show_task, _page(visit))


def _page(visit: Visit) -> str:
    return f"/console/task/{visit.ids[0]}"
