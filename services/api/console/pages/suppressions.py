"""Who is not written to: to be searched, and to be lifted."""

from services.api.console.markup import el
from services.api.console.pages.carry_out import carry_out
from services.api.console.read import ON_A_PAGE
from services.api.console.reply import Page, Reply
from services.api.console.views.frame import message
from services.api.console.views.suppressions import suppression_page
from services.api.console.visit import Visit
from services.api.problem import Problem


async def show_suppressions(visit: Visit) -> Reply:
    asked = {key: value for key in ("address", "list_id", "reason") if (value := visit.query.get(key, "").strip())}
    found = await visit.get("/suppression", count=str(ON_A_PAGE), start=visit.query.get("start"), **_wanted(asked))
    if isinstance(found, Problem):
        if found.status != 400:
            return found
        body = el("div", message(found.sentence), suppression_page([], 0, asked, None, visit.token))
        return Page("Suppressions", body, "suppressions", status=400)
    body = suppression_page(found.body, found.total, asked, found.next, visit.token)
    return Page("Suppressions", body, "suppressions")


async def lift(visit: Visit) -> Reply:
    path = f"/suppression/{visit.ids[0]}"
    return await carry_out(visit, "DELETE", path, {}, show_suppressions, "/console/suppressions")


def _wanted(asked: dict[str, str]) -> dict[str, str]:
    """As the API spells it: an address is an email if there is an @ in it."""
    address = asked.get("address")
    named = {} if address is None else {"email" if "@" in address else "telephone": address}
    return {**named, **{key: value for key, value in asked.items() if key != "address"}}
