"""Campaigns, and the callbacks of each."""

from typing import Final

from services.api.console.live import Figures
from services.api.console.markup import el
from services.api.console.pages.carry_out import carry_out
from services.api.console.read import (
    first_window,
    handed_over,
    lines_of_calls,
    names_of_users,
    newest_campaigns,
    tasks_of,
)
from services.api.console.reply import Page, Reply
from services.api.console.views.callbacks import callback_page
from services.api.console.views.campaigns import campaign_figures, campaign_list, campaign_page, campaigns_figures
from services.api.console.views.frame import older
from services.api.console.views.history import history
from services.api.console.visit import Visit
from services.api.paging import write_cursor
from services.api.problem import Problem

WINDOWS: Final = 20  #: calls on the page of a campaign


async def show_campaigns(visit: Visit) -> Reply:
    campaigns, following = await newest_campaigns(visit.database, visit.caller, visit.before())
    tasks = await tasks_of(visit.database, visit.caller, campaigns)
    body = campaign_list(campaigns, tasks, await handed_over(visit.database, tasks), following)
    return Page("Campaigns", body, "campaigns", None if visit.before() else "/console/campaigns/live")


async def read_list_figures(visit: Visit) -> Figures | Problem:
    campaigns, _ = await newest_campaigns(visit.database, visit.caller, None)
    tasks = await tasks_of(visit.database, visit.caller, campaigns)
    return campaigns_figures(campaigns, tasks, await handed_over(visit.database, tasks))


async def show_campaign(visit: Visit) -> Reply:
    path = f"/campaign/{visit.ids[0]}"
    found = await visit.read(path, f"{path}/history")
    if isinstance(found, Problem):
        return found
    campaign, events = found
    begin = visit.query.get("start") or write_cursor(
        [max(await first_window(visit.database, campaign["id"], WINDOWS) - 1, 0)]
    )
    windows = await visit.get(f"{path}/callback", count=str(WINDOWS), start=begin)
    if isinstance(windows, Problem):
        return windows
    tasks = await tasks_of(visit.database, visit.caller, [campaign])
    handed = await handed_over(visit.database, tasks)
    body = el(
        "div",
        campaign_page(campaign, tasks, handed, windows.body, visit.token),
        older(f"/console{path}", windows.next, "Later calls"),
        history(events, await names_of_users(visit.database, visit.caller)),
    )
    return Page(campaign["name"], body, "campaigns", f"/console{path}/live")


async def read_figures(visit: Visit) -> Figures | Problem:
    found = await visit.get(f"/campaign/{visit.ids[0]}")
    if isinstance(found, Problem):
        return found
    tasks = await tasks_of(visit.database, visit.caller, [found.body])
    return campaign_figures(found.body, tasks, await handed_over(visit.database, tasks))


async def move(visit: Visit) -> Reply:
    path = f"/campaign/{visit.ids[0]}"
    wish = {"state": visit.form.get("state", "")}
    return await carry_out(visit, "PUT", path, wish, show_campaign, f"/console{path}")


async def redeliver(visit: Visit) -> Reply:
    campaign_id, window = visit.ids
    path = f"/campaign/{campaign_id}"
    return await carry_out(visit, "POST", f"{path}/callback/{window}/redeliver", {}, show_campaign, f"/console{path}")


async def show_callbacks(visit: Visit) -> Reply:
    lines = await lines_of_calls(visit.database, visit.caller, given_up=False)
    return Page("Callbacks", callback_page(lines), "callbacks")
