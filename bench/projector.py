"""Delivery events through the projector, beside plain ways of doing the same.

The work: events of five kinds over 40 tasks, a tenth of them repeats, in segments of 500. The yardsticks: appending the
segments alone, which counts nothing, and rows with a unique key and a counter, upserted in sorted batches. Both ways of
counting are checked against plain sets. Beside it, as in a tracker after it, the opens and clicks are added up for each
person; all tasks go to the same people.

On its own: `.venv/bin/python -m bench.projector`.
"""

import asyncio
import os
import sys
import time
from array import array
from random import Random

from bench.measured import Line, as_text
from services.tracker.metrics import Metrics
from services.tracker.projector.engagement import EngagementProjector
from services.tracker.projector.leases import ShardLeases
from services.tracker.projector.project import project_round
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_counts
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from shared.runtime import clock
from tests.servers.backends import made
from tests.servers.postgres import DURABLE, choose_postgres

TASKS = 40
KINDS = (Kind.SUBMITTED, Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED)
EVENTS = 400_000
SEGMENT_HITS = 500
APPENDED_TOGETHER = 16  #: segments that share a commit, as those of 16 busy senders do
UPSERT_ROWS = 5_000
UPSERT_SHARE = 4  #: rows are given a quarter of the events, or they would take most of the time
NOON_MS = 1_800_000_000_000

Counts = dict[tuple[int, int], int]  #: unique hits by task and kind


async def measure(database_url: str, runs: int, events: int = EVENTS) -> list[Line]:
    """The database is migrated and written to; each run counts tasks of its own."""
    await migrate(database_url)
    database = await Database.connect(database_url)
    owner = await Database.connect(database_url, role=None, connections=1)
    appended, projected, both, upserted = [], [], [], []
    try:
        leases = ShardLeases(database, owner=1)
        await owner.execute(UNIQUE_HIT)
        await owner.execute(UNIQUE_COUNT)
        for run in range(runs):
            segments = make_segments(Random(run), range(run * TASKS + 1, (run + 1) * TASKS + 1), events)
            append_seconds = await append_all(database, segments)
            project_seconds = await project_all(database, leases, hits_in(segments))
            await check_projection(database, segments)
            some = segments[: len(segments) // UPSERT_SHARE]
            upserted.append(hits_in(some) / await upsert_all(owner, some))
            appended.append(hits_in(segments) / append_seconds)
            projected.append(hits_in(segments) / project_seconds)
            both.append(hits_in(segments) / (append_seconds + project_seconds))
        await owner.execute(PEOPLE, events // (TASKS * len(KINDS)) + SEGMENT_HITS)
        await owner.execute(RECIPIENTS, range(1, runs * TASKS + 1))
        engaged = [await engage_all(database, owner) for _ in range(runs)]
    finally:
        await owner.close()
        await database.close()
    return [
        Line("delivery events appended and projected", "events/s", both, "the same segments appended alone", appended),
        Line("delivery events projected", "events/s", projected, f"rows upserted, {UPSERT_ROWS:,} at a time", upserted),
        Line("opens and clicks added up for each person", "hits/s", engaged, "the same upserts", upserted),
    ]


def make_segments(chance: Random, tasks: range, events: int) -> list[Segment]:
    """A tenth of the hits repeat others of their segment; times go over three minutes."""
    segments = []
    count = events // SEGMENT_HITS
    for part in range(count):
        first = part // (TASKS * len(KINDS)) * SEGMENT_HITS
        ordinals = array("I", range(first, first + SEGMENT_HITS))
        for place in range(0, SEGMENT_HITS, 10):
            ordinals[place] = first + chance.randrange(SEGMENT_HITS)
        kind = KINDS[part % len(KINDS)]
        times = array("Q", [NOON_MS + part * 180_000 // count]) * SEGMENT_HITS
        details = array("H", [part % 3 + 1 if kind is Kind.CLICKED else 0]) * SEGMENT_HITS
        task = tasks[part // len(KINDS) % TASKS]
        segments.append(Segment(task, kind, 0, 1, part, Hits(ordinals, times, details)))
    return segments


def hits_in(segments: list[Segment]) -> int:
    return sum(len(segment.hits) for segment in segments)


async def append_all(database: Database, segments: list[Segment]) -> float:
    log = DeliveryLog(database)
    begun = time.perf_counter()
    for start in range(0, len(segments), APPENDED_TOGETHER):
        await log.append(segments[start : start + APPENDED_TOGETHER])
    return time.perf_counter() - begun


async def project_all(database: Database, leases: ShardLeases, hits: int) -> float:
    await leases.renew()
    begun = time.perf_counter()
    while hits:
        async with database.transaction() as connection:
            done = await project_round(connection, leases.held)
        leases.held.update(done.reached)
        hits -= done.hits
    return time.perf_counter() - begun


async def engage_all(database: Database, owner: Database) -> float:
    """Opens and clicks a second, of all runs and from the beginning; that all are added is checked."""
    await owner.execute("TRUNCATE engagement, daily_open")
    await owner.execute("UPDATE engagement_reached SET store_epoch = 0, xid = '0', position = 0")
    projector = EngagementProjector(database, lambda: range(64), clock.now, Metrics())
    begun = time.perf_counter()
    while await projector.step():
        pass
    seconds = time.perf_counter() - begun
    added: int = await database.fetch_value("SELECT sum(opens + clicks)::bigint FROM engagement")
    hits = "SELECT sum(hits)::bigint FROM hit_series WHERE link = 0 AND kind IN ($1, $2)"
    assert added == await database.fetch_value(hits, Kind.OPENED, Kind.CLICKED)
    return added / seconds


async def check_projection(database: Database, segments: list[Segment]) -> None:
    plain = count_plainly(segments)
    counts = await read_counts(database, sorted({task for task, _ in plain}))
    assert {(task, int(kind)): hits for task, kinds in counts.items() for kind, hits in kinds.items()} == plain


def count_plainly(segments: list[Segment]) -> Counts:
    members: dict[tuple[int, int], set[int]] = {}
    for segment in segments:
        members.setdefault((segment.task_id, int(segment.kind)), set()).update(segment.hits.ordinals)
    return {key: len(who) for key, who in members.items()}


PEOPLE = """
INSERT INTO subscriber (id, account_id, email, cdate)
SELECT n, 1, 'person-' || n || '@example.com', now() FROM generate_series(1, $1::integer + 1) AS n
ON CONFLICT DO NOTHING"""
RECIPIENTS = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT 0, task_id, id - 1, id, email FROM subscriber, unnest($1::bigint[]) AS task_id"""
UNIQUE_HIT = """
CREATE TABLE unique_hit (task_id bigint, kind smallint, ordinal integer, PRIMARY KEY (task_id, kind, ordinal))"""
UNIQUE_COUNT = """
CREATE TABLE unique_count (task_id bigint, kind smallint, hits bigint, PRIMARY KEY (task_id, kind))"""
UPSERT = """
WITH fresh AS (
    INSERT INTO unique_hit SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::integer[])
        ON CONFLICT DO NOTHING RETURNING task_id, kind
)
INSERT INTO unique_count SELECT task_id, kind, count(*) FROM fresh GROUP BY task_id, kind
    ON CONFLICT (task_id, kind) DO UPDATE SET hits = unique_count.hits + excluded.hits"""


async def upsert_all(owner: Database, segments: list[Segment]) -> float:
    """A row for each unique hit and a counter beside it."""
    begun = time.perf_counter()
    rows = [(s.task_id, int(s.kind), ordinal) for s in segments for ordinal in s.hits.ordinals]
    for start in range(0, len(rows), UPSERT_ROWS):
        batch = sorted(rows[start : start + UPSERT_ROWS])
        await owner.execute(UPSERT, *(list(column) for column in zip(*batch, strict=True)))
    seconds = time.perf_counter() - begun
    plain = count_plainly(segments)
    tasks = sorted({task for task, _ in plain})
    found = await owner.fetch("SELECT task_id, kind, hits FROM unique_count WHERE task_id = ANY ($1::bigint[])", tasks)
    assert {(row["task_id"], row["kind"]): row["hits"] for row in found} == plain
    return seconds


def main() -> None:
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as server:
        server.start()
        for line in asyncio.run(measure(server.url, runs=3)):
            sys.stdout.write(as_text(line) + "\n\n")


if __name__ == "__main__":
    main()
