"""What has been given up: callbacks, single messages, postbacks."""

from services.api.console.read import lines_of_calls, parked_notices, postbacks_given_up
from services.api.console.reply import Page, Reply
from services.api.console.views.parked import parked_page
from services.api.console.visit import Visit
from shared.bus.topology import topology


async def show_parked(visit: Visit) -> Reply:
    lines = await lines_of_calls(visit.database, visit.caller, given_up=True)
    notices, following = await parked_notices(visit.database, visit.caller, visit.before())
    postbacks = await postbacks_given_up(visit.database, visit.caller)
    return Page("Parked", parked_page(lines, notices, postbacks, following, topology().dead_letters.name), "parked")
