"""A Postgres that was stopped or has died comes back."""

import asyncio

from services.standalone.embedded_postgres import EmbeddedPostgres
from tests.servers.backends import Server


async def start_again(server: Server) -> None:
    """While the loop goes on: what is counted meanwhile is counted."""
    if not isinstance(server, EmbeddedPostgres):
        return await asyncio.to_thread(server.start)
    up = asyncio.Event()
    watching = asyncio.create_task(server.watch(up.set))
    await up.wait()
    watching.cancel()
    return None
