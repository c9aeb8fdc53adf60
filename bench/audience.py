"""Searches over a million subscribers: counted, and frozen page by page, beside plain statements over the same people.

The freeze writes contact records with their key, in transactions short enough not to hold back any tail. The yardstick
puts the very same rows, found by the same conditions, into a bare table without a key, in one statement. Beside the
count the table is merely counted.

On its own: `.venv/bin/python -m bench.audience`.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from statistics import median, quantiles
from typing import Any

from bench.measured import Line, as_text
from services.dispatcher.planner.freeze_audience import CHUNK_ROWS, LEASE_SECONDS
from services.dispatcher.planner.freeze_search import freeze_search
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS
from shared.audience.audience import Values
from shared.audience.compile_query import joins, mailable, matches
from shared.audience.count import count_mailable, read_audience
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Connection, Database
from shared.postgres.migrate import migrate
from shared.runtime import clock
from tests.audience import post_task
from tests.searching import post_search_task, save_search
from tests.servers.backends import made
from tests.servers.postgres import DURABLE, choose_postgres

PEOPLE = 1_000_000

SEARCHES: Mapping[str, dict[str, Any]] = {
    "everybody": {},
    "a list, by a var and by opens in 90 days": {
        "source_list": "list 1",
        "criteria": ["match", "open_time"],
        "field": ["country", None],
        "value": ["gb|de|fr", 90],
        "timerange": [None, "since_days"],
    },
    "a list, valid, by domain and by how often they opened": {
        "source_list": "list 1",
        "criteria": ["valid", "domain", "daily_open"],
        "value": [None, "mail.example|post.example", 60],
        "timerange": [None, None, "since_days"],
        "compare": [None, None, "min"],
        "compare_value": [None, None, 2],
    },
}


class TimedDatabase(Database):
    """Knows how long each transaction took."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self.seconds: list[float] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        begun = time.perf_counter()
        async with super().transaction() as connection:
            yield connection
        self.seconds.append(time.perf_counter() - begun)


async def measure(database_url: str, runs: int, people: int = PEOPLE) -> list[Line]:
    """The database is migrated and filled."""
    await migrate(database_url)
    database = await TimedDatabase.connect(database_url)
    owner = await Database.connect(database_url, role=None, connections=1, statement_seconds=600.0)
    try:
        await fill(owner, people)
        lines = []
        for number, (name, query) in enumerate(SEARCHES.items(), start=1):
            await save_search(database, query, number=number)
            lines += [
                await _count(database, owner, name, number, people, runs),
                await _freeze(database, owner, name, number, runs),
            ]
        return lines
    finally:
        await owner.close()
        await database.close()


async def _count(database: Database, owner: Database, name: str, number: int, people: int, runs: int) -> Line:
    counted, plainly, found = [], [], 0
    audience = await read_audience(database, 1, number, Instant(clock.now()))
    assert audience is not None
    for _ in range(runs):
        begun = time.perf_counter()
        found = await count_mailable(database, 1, audience, "email", "marketing")
        counted.append(people / (time.perf_counter() - begun))
        begun = time.perf_counter()
        await owner.fetch_value("SELECT count(email) FROM subscriber WHERE account_id = 1")
        plainly.append(people / (time.perf_counter() - begun))
    note = f"{found:,} of {people:,} found, in {people / median(counted) * 1000:,.0f} ms"
    return Line(f"count of a search: {name}", "people/s", counted, "their rows merely counted", plainly, note)


async def _freeze(database: TimedDatabase, owner: Database, name: str, number: int, runs: int) -> Line:
    frozen, plainly, pages, rows = [], [], [], 0
    for run in range(runs):
        task_id = 100 * number + run
        await post_search_task(database, number=task_id, search_id=number)
        await start_due_tasks(database, Handler(PostgresEventStore(database), clock.now))
        claimed = await database.fetch_row(STATEMENTS["claim_freezing"], 1, LEASE_SECONDS)
        assert claimed is not None
        database.seconds.clear()
        begun = time.perf_counter()
        await freeze_search(database, claimed, CHUNK_ROWS, LEASE_SECONDS)
        seconds = time.perf_counter() - begun
        pages += database.seconds
        rows = await owner.fetch_value("SELECT count(*) FROM contact_record WHERE task_id = $1", task_id)
        frozen.append(rows / seconds)
        plainly.append(rows / await _insert_plainly(owner, number, task_id))
        await database.execute(STATEMENTS["close_freezing"], task_id)
    note = (
        f"{rows:,} rows; a page in {median(pages) * 1000:.0f} ms, "
        f"95 of 100 in {quantiles(pages, n=20)[-1] * 1000:.0f} ms, at most {max(pages) * 1000:.0f} ms"
    )
    return Line(f"freeze of a search: {name}", "rows/s", frozen, "the same rows into a bare table", plainly, note)


async def _insert_plainly(owner: Database, number: int, task_id: int) -> float:
    """Seconds for the same rows in one statement; that they are the same is checked."""
    audience = await read_audience(owner, 1, number, Instant(clock.now()))
    assert audience is not None
    values = Values(first=2)
    statement = INSERT_PLAINLY.format(
        joins=joins(audience.query, values),
        matches=matches(audience, values),
        mailable=mailable(audience, "email", "marketing", values),
    )
    await owner.execute("DROP TABLE IF EXISTS bare")
    await owner.execute(BARE)
    begun = time.perf_counter()
    await owner.execute(statement, task_id, *values.args)
    seconds = time.perf_counter() - begun
    assert await owner.fetch_value(DIFFERENT, task_id) == 0
    return seconds


BARE = "CREATE TABLE bare (shard smallint, task_id bigint, ordinal integer, subscriber_id bigint, address text)"
INSERT_PLAINLY = """
INSERT INTO bare (shard, task_id, ordinal, subscriber_id, address)
SELECT 0, $1::bigint, row_number() OVER (ORDER BY person.id) - 1, person.id, person.email
  FROM subscriber AS person {joins}
 WHERE account_id = 1 AND {matches} AND {mailable}"""
DIFFERENT = """
SELECT count(*)
  FROM bare
  FULL JOIN (SELECT * FROM contact_record WHERE task_id = $1) AS kept USING (ordinal, subscriber_id, address)
 WHERE bare.task_id IS NULL OR kept.task_id IS NULL"""


async def fill(owner: Database, people: int) -> None:
    """A list with all of them, another with a tenth; some unconfirmed, opted out or suppressed; two of three open."""
    await post_task(owner, 0)
    await post_task(owner, 0, number=2)
    await owner.execute("UPDATE task SET cancelled = true")
    for statement in _FILL:
        await owner.execute(statement, *([people] if "$1" in statement else []))


_FILL = (
    """INSERT INTO subscriber (id, account_id, email, vars, optout, cdate)
       SELECT n, 1, 'person-' || n || '@' || (ARRAY['mail', 'post', 'box', 'web'])[n % 4 + 1] || '.example',
              jsonb_build_object('name', 'Person ' || n, 'age', n % 90,
                                 'country', (ARRAY['gb', 'de', 'pt', 'us', 'fr'])[n % 5 + 1]),
              CASE n % 50 WHEN 7 THEN 'blast' ELSE 'none' END, now() - n % 1000 * interval '1 day'
         FROM generate_series(1, $1::integer) AS n""",
    """INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at)
       SELECT 1, id, id % 50 <> 0, cdate FROM subscriber ORDER BY id""",
    """INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at)
       SELECT 2, id, true, cdate FROM subscriber WHERE id % 10 = 0 ORDER BY id""",
    """INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, reason, source, cdate)
       SELECT 1, 'email', decode(md5(id::text), 'hex'), email, id, 'hard_bounce', 'bench', now()
         FROM subscriber WHERE id % 100 = 3""",
    """INSERT INTO engagement (subscriber_id, generation, opens, clicks, last_open)
       SELECT id, 1, id % 9 + 1, 0, now() - id % 400 * interval '1 day' FROM subscriber WHERE id % 3 <> 0""",
    """INSERT INTO daily_open (subscriber_id, generation, day, opens)
       SELECT id, 1, current_date - (id % 7)::integer - 30 * nth, 1
         FROM subscriber, generate_series(0, 2) AS nth WHERE id % 3 <> 0""",
    "ANALYZE",
)  # fmt: skip


def main() -> None:
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as server:
        server.start()
        for line in asyncio.run(measure(server.url, runs=3)):
            sys.stdout.write(as_text(line) + "\n\n")


if __name__ == "__main__":
    main()
