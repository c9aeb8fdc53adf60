"""Rows a second of an export, from its POST to its end, beside a COPY of the very same rows; and snapshots of as many.

The yardstick has Postgres make the same lines in one statement, and throws them away: no pages, no parts, no file.
Beside the snapshot its people are merely counted.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.api_client import ApiClient, open_session
from bench.audience import fill
from bench.measured import Line, Used
from bench.processes import watched
from bench.stack import Servers, Stack, services
from services.dispatcher.jobs.types.export_list import list_statement
from services.standalone.private_process import free_port
from shared.domain.identifiers import Instant
from shared.postgres.database import Database
from shared.runtime import clock

_LOOK_SECONDS = 0.05
_MOST_SECONDS = 1_200.0
_LIST = {"list": "list 1", "lists": True, "vars": ["name", "country"]}
_FIELDS = {"lists": 1, "vars": {"name": 1, "country": 1}}
_QUERIES: dict[str, dict[str, Any]] = {
    "everybody": {},
    "a list, valid": {"source_list": "list 1", "criteria": ["valid"]},
}


async def measure(servers: Servers, folder: Path, people: int, runs: int) -> list[Line]:
    store = f"file://{folder}/objects"
    with services(servers, free_port(), folder, object_store_url=store) as stack:
        owner = await Database.connect(servers.database_url, role=None, connections=1, statement_seconds=600.0)
        try:
            await fill(owner, people)
            async with open_session(stack) as session:
                client = ApiClient(session)
                return [
                    await _export(client, owner, stack, servers, runs),
                    *[await _snapshot(client, owner, servers, name, people, runs) for name in _QUERIES],
                ]
        finally:
            await owner.close()


async def _export(client: ApiClient, owner: Database, stack: Stack, servers: Servers, runs: int) -> Line:
    rates: list[float] = []
    copied: list[float] = []
    used: list[Used] = []
    rows, size = 0, 0
    for _ in range(runs):
        with watched({**stack.pids, **servers.pids}) as last:
            seconds, told = await _done(client, {"job": "export_list_data", "list": "list 1", "fields": _FIELDS})
        rows, used = told["rows"], last
        rates.append(rows / seconds)
        seconds, csv = await _copy(owner)
        copied.append(rows / seconds)
        size = len(csv) // 2**20
        async with client.session.get(told["export_url"]) as answer:
            if (await answer.read()).partition(b"\n")[2] != csv:
                raise RuntimeError("the export and the copy differ")
    note = f"{rows:,} rows, {size} MB, line by line those of the copy; CPU and memory are those of the last run"
    yardstick = "COPY of the same rows in one statement"
    return Line("an export of a list", "rows/s", rates, yardstick, copied, note, used)


async def _copy(owner: Database) -> tuple[float, bytes]:
    """Seconds, and the lines."""
    statement, args = list_statement(_LIST, Instant(clock.now()))
    began = time.perf_counter()
    csv, _ = await owner.copy_csv(statement, 1, 0, 2**62, 1, *args)
    return time.perf_counter() - began, csv


async def _snapshot(client: ApiClient, owner: Database, servers: Servers, name: str, people: int, runs: int) -> Line:
    rates, plainly, total, slowest = [], [], 0, 0.0
    used: list[Used] = []
    for _ in range(runs):
        with watched(servers.pids) as last:
            seconds, told = await _done(client, {"job": "snapshot", "query": _QUERIES[name]})
        used = last
        total, slowest = told["snapshot"]["total"], max(slowest, seconds)
        rates.append(people / seconds)
        began = time.perf_counter()
        await owner.fetch_value("SELECT count(email) FROM subscriber WHERE account_id = 1")
        plainly.append(people / (time.perf_counter() - began))
    note = f"{total:,} of {people:,} found and counted in seven ways, in {slowest:.1f} s at most"
    return Line(f"a snapshot: {name}", "people/s", rates, "their rows merely counted", plainly, note, used)


async def _done(client: ApiClient, body: dict[str, Any]) -> tuple[float, Any]:
    """Seconds from the POST to the end, and what GET tells then."""
    began = time.perf_counter()
    posted = await client.post("/job", body)
    while (told := await client.get(f"/job?job_id={posted['job_id']}"))["status"] == "pending":
        if time.perf_counter() - began > _MOST_SECONDS:
            raise TimeoutError(f"the job did not end within {_MOST_SECONDS:.0f} s")
        await asyncio.sleep(_LOOK_SECONDS)
    if told["status"] != "completed":
        raise RuntimeError(f"the job ended otherwise: {told}")
    return time.perf_counter() - began, told
