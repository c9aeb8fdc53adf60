"""A page's figures as a stream: read once a tick for all who may see the same."""

from collections.abc import Awaitable, Callable
from functools import partial

from services.api import problem
from services.api.console.events import write_events
from services.api.console.live import Figures
from services.api.console.reply import Events, Reply
from services.api.console.visit import Handle, Visit
from services.api.problem import Problem

ReadFigures = Callable[[Visit], Awaitable[Figures | Problem]]


def streaming(read: ReadFigures) -> Handle:
    return partial(_stream, read)


async def _stream(read: ReadFigures, visit: Visit) -> Reply:
    account = visit.caller.account_id
    if visit.live.full_for(account):
        return problem.unavailable("too many watch at once; the page shows what was when it was loaded")
    first = await read(visit)
    if isinstance(first, Problem):
        return first
    name = (*visit.scope, visit.path, tuple(sorted(visit.query.items())))
    watching = visit.live.watch(name, partial(_figures, read, visit), account)
    return Events(write_events(first, watching, visit.still_in))


async def _figures(read: ReadFigures, visit: Visit) -> Figures | None:
    found = await read(visit)
    return None if isinstance(found, Problem) else found
