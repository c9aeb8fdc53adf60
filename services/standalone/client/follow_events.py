"""``postroom tail``: the published events of the account, one after the other."""

import asyncio
from typing import Final

from services.standalone.client.connection import Connection
from services.standalone.client.show import print_event

LOOK_SECONDS: Final = 1.0
PAGE: Final = 200

FROM_START: Final = "0"  #: all there is
END: Final = "end"  #: as the API says it


async def follow_events(api: Connection, pattern: str, after: str | None, *, follow: bool) -> int:
    """Behind a cursor, FROM_START or, with None, from the end; without ``follow`` until there is no more."""
    position = None if after == FROM_START else after or END
    while True:
        reply = await api.get_patiently("/events", type=pattern, after=position, count=PAGE)
        for event in reply.body:
            print_event(event)
        position = reply.headers["X-Cursor"]
        if "Link" in reply.headers:
            continue
        if not follow:
            return 0
        await asyncio.sleep(LOOK_SECONDS)
