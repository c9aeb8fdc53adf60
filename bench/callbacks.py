"""Delivery events told to the endpoints of campaigns, beside the projector on the same events.

The work: the events of `bench.projector`, here of 40 campaigns; they are cut into windows and every call is made and
recorded, by one process to another on loopback. Beside it, how long one healthy endpoint waits for its events while a
hundred others never answer, and while none do.

On its own: `.venv/bin/python -m bench.callbacks`.
"""

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from statistics import quantiles

from bench.measured import Line, as_text
from bench.processes import running
from bench.projector import (
    EVENTS,
    KINDS,
    NOON_MS,
    SEGMENT_HITS,
    TASKS,
    append_all,
    count_plainly,
    hits_in,
    make_segments,
    project_all,
)
from services.standalone.private_process import free_port
from services.tracker.projector.leases import ShardLeases
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.postgres.migrate import migrate
from tests.integration.tracker.called_back import Post, add_account, add_campaign, post_on
from tests.servers.backends import made
from tests.servers.postgres import DURABLE, choose_postgres

HANGING = 100
FIRST_DEAD = 10_000  #: number of the first campaign whose endpoint never answers
DELIVERIES = 200  #: to the healthy endpoint, in each turn
ENDED = "UPDATE segment SET recorded_at = to_timestamp(1700000010) WHERE recorded_at > to_timestamp(1700000010)"


async def measure(database_url: str, folder: Path, runs: int, events: int = EVENTS) -> list[Line]:
    """The database is migrated and written to; each run tells of campaigns of its own."""
    await migrate(database_url)
    told, projected, beside, alone = [], [], [], []
    async with post_on(database_url) as post, endpoint(folder, "answer") as url, endpoint(folder, "hang") as dead:
        await add_account(post.database)
        leases = ShardLeases(post.database, owner=1)
        for run in range(runs):
            segments = await prepare(post, run, url, events)
            projected.append(hits_in(segments) / await project_all(post.database, leases, hits_in(segments)))
            told.append(hits_in(segments) / await tell_all(post, segments))
        (healthy,) = await add_campaign(post.database, runs * TASKS + 1, url, recipients=DELIVERIES * 2 * runs)
        for run in range(runs):
            alone.append(await slowest(post, healthy, 2 * run))
            await hang(post, run, dead)
            beside.append(await slowest(post, healthy, 2 * run + 1))
            await let_go(post)
    return [
        Line("delivery events told by callbacks", "events/s", told, "the projector on the same events", projected),
        Line(
            f"until a healthy endpoint is told, 99th percentile, beside {HANGING} that never answer",
            "µs",
            beside,
            "beside none",
            alone,
        ),
    ]


@asynccontextmanager
async def endpoint(folder: Path, mode: str) -> AsyncIterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "bench.call_sink", str(port), mode]
    with running(command, folder / f"{mode}.log", dict(os.environ)):
        for _ in range(400):
            if _listens(port):
                break
            await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/hook?source=bench"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def prepare(post: Post, run: int, url: str, events: int) -> list[Segment]:
    recipients = events // (TASKS * len(KINDS)) + SEGMENT_HITS
    tasks = []
    for campaign in range(run * TASKS + 1, (run + 1) * TASKS + 1):
        tasks += await add_campaign(post.database, campaign, url, recipients=recipients)
    segments = [
        Segment(tasks[part.task_id - 1], part.kind, part.batch, part.epoch, part.part, part.hits)
        for part in make_segments(Random(run), range(1, TASKS + 1), events)
    ]
    await append_all(post.database, segments)
    await post.owner.execute("ANALYZE")
    return segments


async def tell_all(post: Post, segments: list[Segment]) -> float:
    await post.owner.execute(ENDED)
    begun = time.perf_counter()
    while await post.cutter.step():
        pass
    await post.deliver()
    seconds = time.perf_counter() - begun
    rows = await post.database.fetch(
        "SELECT task_id, kind, sum(people)::bigint AS people FROM callback_window "
        "WHERE state = 'delivered' AND task_id = ANY ($1::bigint[]) GROUP BY task_id, kind",
        sorted({segment.task_id for segment in segments}),
    )
    assert {(row["task_id"], row["kind"]): row["people"] for row in rows} == count_plainly(segments)
    return seconds


async def slowest(post: Post, task: int, turn: int) -> float:
    """Microseconds from the cut window to its record as delivered; one in a hundred takes longer."""
    waits = []
    for ordinal in range(turn * DELIVERIES, (turn + 1) * DELIVERIES):
        segment = Segment(task, Kind.OPENED, 0, 2, ordinal, Hits.at_once([ordinal], NOON_MS))
        await DeliveryLog(post.database).append([segment])
        await post.owner.execute(ENDED)
        while await post.cutter.step():
            pass
        begun = time.perf_counter()
        hanging = set(post.switchboard._served[False])
        await post.switchboard.step()
        if serving := post.switchboard._served[False] - hanging:
            await asyncio.wait(serving)
        waits.append((time.perf_counter() - begun) * 1_000_000)
    return quantiles(waits, n=100)[-1]


async def hang(post: Post, run: int, dead: str) -> None:
    """Leaves so many calls without an answer."""
    first = FIRST_DEAD + run * HANGING
    for campaign in range(first, first + HANGING):
        (task,) = await add_campaign(post.database, campaign, dead, recipients=1)
        await DeliveryLog(post.database).append([Segment(task, Kind.SUBMITTED, 0, 1, 0, Hits.at_once([0], NOON_MS))])
    await post.owner.execute(ENDED)
    while await post.cutter.step():
        pass
    await post.switchboard.step()


async def let_go(post: Post) -> None:
    """Of those that hang; they are not tried again while this lasts."""
    await post.switchboard.stop()
    await post.owner.execute("UPDATE callback_line SET due_at = 'infinity' WHERE campaign_id >= $1", FIRST_DEAD)


def main() -> None:
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as server, tempfile.TemporaryDirectory() as folder:
        server.start()
        for line in asyncio.run(measure(server.url, Path(folder), runs=3)):
            sys.stdout.write(as_text(line) + "\n\n")


if __name__ == "__main__":
    main()
