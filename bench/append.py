"""Events a second through the event store: sharing commits beside a commit each, bulk beside COPY, and both beside the
library `eventsourcing`, which has its own tables in the same database.

On its own: `.venv/bin/python -m bench.append`.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from bench.measured import Line, as_text
from bench.peers.installed import python_with
from shared.domain.task import TaskCompleted
from shared.event_store.codec import fields_of, name_of
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import PostgresEventStore, append_in
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from shared.runtime import clock
from tests.servers.backends import made
from tests.servers.postgres import DURABLE, choose_postgres

CONNECTIONS = 8
WRITERS = (1, 8, 64)
BULK = 1000
COPIED = 5000

PEER = ("eventsourcing==9.5.6", "psycopg[binary,pool]==3.3.9")
PEER_SCRIPT = Path(__file__).parent / "peers/eventsourcing_rate.py"
PEER_WORDS = {
    "save": "app.save() in 8 threads",
    "save-many": "app.save() of as many",
    "recorder": "its recorder, of as many that are ready",
}
#: How it is measured, writers and events in an append of ours, and what the ratio is wanted to be.
PEER_WAYS = (
    ("save", 8, 1, 3.0),
    ("save-many", 1, BULK, 3.0),
    ("recorder", 1, BULK, 1.5),
)

_COLUMNS = ("stream", "version", "type", "data", "account_id")

Store = Callable[[Append], Awaitable[None]]


async def measure(database_url: str, seconds: float, runs: int) -> list[Line]:
    """The database is migrated and written to."""
    await migrate(database_url)
    database = await Database.connect(database_url, connections=CONNECTIONS)
    streams = (f"task-{number}" for number in itertools.count(int(clock.now() * 1000) * 1_000_000))
    try:
        lines = [await _shared_or_each(database, streams, writers, seconds, runs) for writers in WRITERS]
        lines.append(await _bulk_or_copy(database, streams, seconds, runs))
        return [*lines, *await _ours_or_peer(database, database_url, streams, seconds, runs)]
    finally:
        await database.close()


async def _shared_or_each(database: Database, streams: Iterator[str], writers: int, seconds: float, runs: int) -> Line:
    store = PostgresEventStore(database)

    async def commit_each(append: Append) -> None:
        async with database.transaction() as connection:
            await append_in(connection, [append])

    shared, each = [], []
    for _ in range(runs):
        each.append(await _rate(commit_each, streams, writers, 1, seconds))
        shared.append(await _rate(store.append, streams, writers, 1, seconds))
    return Line(
        f"append one event, {writers} at a time, commits shared",
        "events/s",
        shared,
        f"a commit each, {CONNECTIONS} connections",
        each,
    )


async def _bulk_or_copy(database: Database, streams: Iterator[str], seconds: float, runs: int) -> Line:
    store = PostgresEventStore(database)
    appended, copied = [], []
    for _ in range(runs):
        copied.append(await _copy_rate(database, streams, seconds))
        appended.append(await _rate(store.append, streams, 1, BULK, seconds))
    return Line(f"append {BULK:,} events in one", "events/s", appended, f"COPY of {COPIED:,} rows", copied, goal=0.4)


async def _ours_or_peer(database: Database, url: str, streams: Iterator[str], seconds: float, runs: int) -> list[Line]:
    """With its tables as it makes them, on Postgres as durable as ours."""
    store, python = PostgresEventStore(database), python_with(PEER)
    lines = []
    for way, writers, events, goal in PEER_WAYS:
        ours, theirs = [], []
        for _ in range(runs):
            theirs.append(await asyncio.to_thread(_peer_rate, [str(python), str(PEER_SCRIPT), url, way, str(seconds)]))
            ours.append(await _rate(store.append, streams, writers, events, seconds))
        what = f"append one event, {writers} at a time" if events == 1 else f"append {events:,} events in one"
        lines.append(Line(what, "events/s", ours, f"eventsourcing, {PEER_WORDS[way]}", theirs, goal=goal))
    return lines


def _peer_rate(command: list[str]) -> float:
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)


async def _rate(store: Store, streams: Iterator[str], writers: int, events: int, seconds: float) -> float:
    """Events a second of so many writers, each with so many events in an append to a new stream."""
    batch = [TaskCompleted(clock.now())] * events
    began = time.perf_counter()

    async def write() -> int:
        count = 0
        while time.perf_counter() - began < seconds:
            await store(Append((StreamAppend(next(streams), 0, batch, Actor(1)),)))
            count += events
        return count

    counts = await asyncio.gather(*(write() for _ in range(writers)))
    return sum(counts) / (time.perf_counter() - began)


async def _copy_rate(database: Database, streams: Iterator[str], seconds: float) -> float:
    """The same rows the quickest way that Postgres has."""
    event = TaskCompleted(clock.now())
    name, data = name_of(event), fields_of(event)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        stream = next(streams)
        rows = [(stream, version, name, data, 1) for version in range(1, COPIED + 1)]
        async with database.transaction() as connection:
            await connection.copy_rows("event", _COLUMNS, rows)
        count += COPIED
    return count / (time.perf_counter() - began)


def main() -> None:
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as server:
        server.start()
        for line in asyncio.run(measure(server.url, seconds=2.0, runs=3)):
            sys.stdout.write(as_text(line) + "\n\n")


if __name__ == "__main__":
    main()
