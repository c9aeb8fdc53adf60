"""A button was pressed: the API is asked, and the page shows what came of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.api.console.markup import el
from services.api.console.reply import Page, Redirect, Reply
from services.api.console.views.frame import message
from services.api.console.visit import Handle, Visit
from services.api.problem import Problem


async def carry_out(visit: Visit, method: str, path: str, content: Mapping[str, Any], show: Handle, page: str) -> Reply:
    """``page``: where to go when it is done, which ``show`` shows; a refusal is told above it, with its status."""
    done = await visit.asking.send(visit.caller, method, path, content)
    if not isinstance(done, Problem):
        return Redirect(page)
    shown = await show(visit)
    if not isinstance(shown, Page) or done.status not in (400, 409):
        return done
    return replace(shown, body=el("div", message(done.sentence), shown.body), status=done.status)
