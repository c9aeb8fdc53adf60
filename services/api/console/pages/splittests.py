"""Split tests, and what each of their variants came to."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.api.console.live import Figures
from services.api.console.pages.carry_out import carry_out
from services.api.console.read import ON_A_PAGE, handed_over
from services.api.console.reply import Page, Reply
from services.api.console.views.splittests import (
    Tasks,
    splittest_figures,
    splittest_list,
    splittest_page,
    splittests_figures,
    tasks_in,
)
from services.api.console.visit import Visit
from services.api.problem import Problem
from services.api.resources.task import read as task_rows

LIST = "/console/splittests"


async def show_splittests(visit: Visit) -> Reply:
    found = await visit.get("/splittest", sort="-id", count=str(ON_A_PAGE), start=visit.query.get("start"))
    if isinstance(found, Problem):
        return found
    body = splittest_list(found.body, await _tasks(visit, found.body), found.total, found.next)
    return Page("Split tests", body, "splittests", None if "start" in visit.query else f"{LIST}/live")


async def read_list_figures(visit: Visit) -> Figures | Problem:
    found = await visit.get("/splittest", sort="-id", count=str(ON_A_PAGE))
    return found if isinstance(found, Problem) else splittests_figures(found.body, await _tasks(visit, found.body))


async def show_splittest(visit: Visit) -> Reply:
    path = f"/splittest/{visit.ids[0]}"
    found = await visit.get(path)
    if isinstance(found, Problem):
        return found
    test = found.body
    body = splittest_page(test, await _tasks(visit, [test]), await _messages(visit, test["message_ids"]), visit.token)
    return Page(test["name"], body, "splittests", f"/console{path}/live")


async def read_figures(visit: Visit) -> Figures | Problem:
    found = await visit.get(f"/splittest/{visit.ids[0]}")
    return found if isinstance(found, Problem) else splittest_figures(found.body, await _tasks(visit, [found.body]))


async def choose(visit: Visit) -> Reply:
    """What was pressed is a message's id; anything else is the API's to refuse."""
    said = visit.form.get("message", "")
    is_id = said.isascii() and said.isdecimal() and len(said) < 19
    return await _change(visit, {"winner_message_id": int(said) if is_id else said})


async def cancel(visit: Visit) -> Reply:
    return await _change(visit, {"cancelled": True})


async def _change(visit: Visit, change: Mapping[str, Any]) -> Reply:
    path = f"/splittest/{visit.ids[0]}"
    return await carry_out(visit, "PUT", path, change, show_splittest, f"/console{path}")


async def _tasks(visit: Visit, tests: Sequence[Mapping[str, Any]]) -> Tasks:
    ids = [task_id for test in tests for task_id in tasks_in(test)]
    known = await task_rows.read_tasks(visit.database, visit.caller, ids) if ids else []
    return Tasks({task["id"]: task for task in known}, await handed_over(visit.database, known))


async def _messages(visit: Visit, ids: Sequence[int]) -> dict[int, str]:
    """The names of those that there still are."""
    found = {message_id: await visit.get(f"/message/{message_id}") for message_id in ids}
    return {message_id: each.body["name"] for message_id, each in found.items() if not isinstance(each, Problem)}
