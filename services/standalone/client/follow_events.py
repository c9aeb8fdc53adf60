"""``postroom tail``: the published events of the account, one after the other."""

import asyncio
from typing import Final

from services.standalone.client.connection import Connection
from services.standalone.client.show import print_event

LOOK_SECONDS: Final = 1.0
PAGE: Final = 200


async def follow_events(api: Connection, pattern: str, after: str | None, *, from_start: bool, follow: bool) -> int:
    """From the end, unless ``after`` or ``from_start`` says otherwise; without ``follow`` until there is no more."""
    if after is None and not from_start:
        after = await _end(api, pattern)
    while True:
        reply = await api.get_patiently("/events", type=pattern, after=after, count=PAGE)
        for event in reply.body:
            print_event(event)
        after = reply.headers["X-Cursor"]
        if "Link" in reply.headers:
            continue
        if not follow:
            return 0
        await asyncio.sleep(LOOK_SECONDS)


async def _end(api: Connection, pattern: str) -> str:
    """Behind everything there is by now."""
    after = None
    while True:
        reply = await api.get("/events", type=pattern, after=after, count=1000)
        after = reply.headers["X-Cursor"]
        if "Link" not in reply.headers:
            return after
