"""Subscribers a second of an import, from its POST to its end, beside a COPY of the very same rows.

The lines come from a URL. The yardstick copies what the import has made, the rows of subscribers and of subscriptions,
into tables with the same columns, keys and indexes, in one statement a table: nobody looked up, nothing checked.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from bench.api_client import ApiClient, open_session
from bench.measured import Line, Used
from bench.processes import watched
from bench.stack import Servers, services
from services.standalone.private_process import free_port
from shared.postgres.database import Database

_LOOK_SECONDS = 0.1
_MOST_SECONDS = 1_200.0
_AT_ONCE = 20_000  #: lines served in one write
_LIKE = """
DROP TABLE IF EXISTS like_subscriber, like_subscription;
CREATE TABLE like_subscriber (LIKE subscriber INCLUDING ALL);
CREATE TABLE like_subscription (LIKE subscription INCLUDING ALL);
"""


async def measure(servers: Servers, folder: Path, people: int, runs: int) -> list[Line]:
    rates: list[float] = []
    copied: list[float] = []
    used: list[Used] = []
    with services(servers, free_port(), folder, egress_allow="127.0.0.0/8") as stack:
        owner = await Database.connect(servers.database_url, role=None, connections=1, statement_seconds=600.0)
        try:
            async with open_session(stack) as session, serving(people) as url:
                for run in range(runs):
                    with watched({**stack.pids, **servers.pids}) as used:
                        rates.append(people / await _import(ApiClient(session), f"list {run}", f"{url}/{run}", people))
                    copied.append(people / await _copy(owner, f"list {run}", people))
        finally:
            await owner.close()
    note = "each made a subscriber and a subscription; CPU and memory are those of the last run"
    yardstick = "COPY of the same rows into the same tables, in one statement each"
    return [Line(f"an import of {people:,} addresses from a URL", "people/s", rates, yardstick, copied, note, used)]


async def _import(client: ApiClient, name: str, url: str, people: int) -> float:
    began = time.perf_counter()
    posted = await client.post("/job", {"job": "import", "list": name, "url": url})
    while (told := await client.get(f"/job?job_id={posted['job_id']}"))["status"] == "pending":
        if time.perf_counter() - began > _MOST_SECONDS:
            raise TimeoutError(f"the import did not end within {_MOST_SECONDS:.0f} s")
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    if (told["status"], told["created"]) != ("completed", people):
        raise RuntimeError(f"the import ended otherwise: {told}")
    return seconds


async def _copy(owner: Database, name: str, people: int) -> float:
    """Seconds for both tables."""
    subscribers = await owner.fetch(
        "SELECT subscriber.* FROM subscription JOIN subscriber ON subscriber.id = subscriber_id "
        "WHERE list_id = (SELECT id FROM list WHERE name = $1)",
        name,
    )
    subscriptions = await owner.fetch(
        "SELECT subscription.* FROM subscription WHERE list_id = (SELECT id FROM list WHERE name = $1)", name
    )
    assert len(subscribers) == len(subscriptions) == people
    await owner.execute(_LIKE)
    seconds = 0.0
    for table, rows in (("like_subscriber", subscribers), ("like_subscription", subscriptions)):
        columns, records = list(rows[0].keys()), [tuple(row) for row in rows]
        async with owner.transaction() as connection:
            began = time.perf_counter()
            await connection.copy_rows(table, columns, records)
        seconds += time.perf_counter() - began
    return seconds


@asynccontextmanager
async def serving(people: int) -> AsyncIterator[str]:
    """A URL below which every path is a file of as many addresses, different for each path."""

    async def lines(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for first in range(0, people, _AT_ONCE):
            numbers = range(first, min(people, first + _AT_ONCE))
            text = "".join(f"person{number}@r{request.path[1:]}.example\n" for number in numbers)
            await answer.write(text.encode())
        await answer.write_eof()
        return answer

    app = web.Application()
    app.router.add_get("/{name}", lines)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
