"""The list of tasks."""

from typing import Final

from services.api.console.ask import Found
from services.api.console.live import Figures
from services.api.console.read import ON_A_PAGE, handed_over
from services.api.console.reply import Page, Reply
from services.api.console.views.tasks import task_figures, task_list
from services.api.console.visit import Visit
from services.api.problem import Problem

#: What each choice asks the API for.
_FILTERS: Final[dict[str, dict[str, str]]] = {
    "": {},
    "open": {"completed": "false", "cancelled": "false"},
    "completed": {"completed": "true"},
    "cancelled": {"cancelled": "true"},
}


async def show_tasks(visit: Visit) -> Reply:
    found = await _find(visit)
    if isinstance(found, Problem):
        return found
    show, handed = _show(visit), await handed_over(visit.database, found.body)
    live = None if "start" in visit.query else f"/console/live?show={show}" if show else "/console/live"
    return Page("Tasks", task_list(found.body, handed, found.total, show, found.next), "tasks", live)


async def read_figures(visit: Visit) -> Figures | Problem:
    found = await _find(visit)
    if isinstance(found, Problem):
        return found
    return task_figures(found.body, await handed_over(visit.database, found.body))


async def _find(visit: Visit) -> Found | Problem:
    asked = {"sort": "-id", "count": str(ON_A_PAGE), "start": visit.query.get("start"), **_FILTERS[_show(visit)]}
    return await visit.get("/task", **asked)


def _show(visit: Visit) -> str:
    show = visit.query.get("show", "")
    return show if show in _FILTERS else ""
