"""A migration is killed wherever it stands, beside services at work: the next one finishes it, and nobody notices."""

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from pyroaring import BitMap

from shared.postgres.database import Database
from shared.postgres.migrate import MIGRATIONS, migrate, read_migrations
from shared.runtime.crash_points import ALLOWED, WHERE
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.test_failover import eventually, sent, token_of
from tests.faults.test_kill_any_service import connected
from tests.faults.test_roll_out import Caller, a_key, answers, services_on
from tests.servers import databases

MIGRATING: Final = ("migration.applying", "migration.noted", "migration.applied", "migration.granting")
BETWEEN: Final = "between two statements"
RECIPIENTS: Final = 1_500
ROOT: Final = Path(__file__).resolve().parents[2]

#: One of the next version: tables that are read and written meanwhile, and one of its own.
EXPANDS: Final = """
ALTER TABLE task ADD COLUMN ahead_{n} text;
ALTER TABLE batch ADD COLUMN ahead_{n} integer NOT NULL DEFAULT 0;
ALTER TABLE list ADD COLUMN ahead_{n} jsonb NOT NULL DEFAULT '{{}}';
CREATE TABLE ahead_{n} (id bigint PRIMARY KEY);
"""

#: Each part of what such a file brings that is there, by its number.
_THERE: Final = """
SELECT substr(name, 7)::integer AS number, count(*) AS parts
  FROM (SELECT attname AS name
          FROM pg_attribute
         WHERE attrelid = ANY (ARRAY['task', 'batch', 'list']::regclass[]) AND attname LIKE 'ahead%'
         UNION ALL
        SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'ahead%') AS each
 GROUP BY name"""
_NOTED: Final = "SELECT number FROM migration WHERE name LIKE '%ahead%'"
_HERE: Final = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
_WAITS: Final = f"""
SELECT count(*) > 0 FROM pg_locks
 WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = 'list'::regclass AND {_HERE}"""
_NOBODY_MIGRATES: Final = f"""
SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7265736 AND {_HERE}"""


@asynccontextmanager
async def migrating(url: str, folder: Path, fault_at: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    """Killed at the end of the block, if it has not killed itself."""
    armed = {WHERE: fault_at, ALLOWED: "on"} if fault_at else {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.migrating", url, str(folder), cwd=ROOT, env={**os.environ, **armed}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(30):
            assert await process.wait() == -signal.SIGKILL, "it came to its end"


async def strike(url: str, database: Database, folder: Path, place: str, nth: int = 1) -> None:
    """Back once it is dead, and its server process has noticed."""
    if place == BETWEEN:
        await strike_between(url, database, folder)
    else:
        async with migrating(url, folder, f"{place}:{nth}") as process, asyncio.timeout(60):
            await process.wait()
    await eventually(database, _NOBODY_MIGRATES)


async def strike_between(url: str, database: Database, folder: Path) -> None:
    """While its third statement waits for somebody who reads that table."""
    async with database.transaction() as reader:
        await reader.execute("LOCK TABLE list IN ACCESS SHARE MODE")
        async with migrating(url, folder):
            await eventually(database, _WAITS)


@asynccontextmanager
async def owner_of(url: str) -> AsyncIterator[Database]:
    """Before there is a role of the services."""
    database = await Database.connect(url, role=None)
    try:
        yield database
    finally:
        await database.close()


async def look(database: Database) -> set[int]:
    """The numbers of the files that are there; each is whole, and noted, or nothing of it is there."""
    there = {row["number"]: row["parts"] for row in await database.fetch(_THERE)}
    noted = {row["number"] for row in await database.fetch(_NOTED)}
    assert set(there) == noted
    assert set(there.values()) <= {4}, there
    return noted


def one_more(folder: Path, number: int) -> None:
    (folder / f"{number}_ahead.sql").write_text(EXPANDS.format(n=number), encoding="utf-8")


async def strike_all(url: str, database: Database, folder: Path, dice: random.Random, rounds: int) -> int:
    """At each place, with two files to bring. Answers how many were brought."""
    numbers, begun = count(9_000), 0
    for _ in range(rounds):
        for place in dice.sample((*MIGRATING, BETWEEN), len(MIGRATING) + 1):
            for number in (next(numbers), next(numbers)):
                one_more(folder, number)
                begun += 1
            once = place in (BETWEEN, "migration.granting")
            await strike(url, database, folder, place, 1 if once else dice.randint(1, 2))
            before = await look(database)
            brought = await migrate(url, folder)
            assert len(await look(database)) == len(before) + len(brought) == begun
    return begun


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F39",
    "kill -9 of a migration at each of its places, beside services at work",
    expects="each file whole or not there; the next start finishes; no command lost or refused, nobody lost",
)
async def test_what_a_killed_migration_left_the_next_one_finishes(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Before and after its row, after its commit, before the grants, and in the middle of a file."""
    folder = Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))
    async with CountingRelay(seconds_each=0.02) as relay, connected(database_url) as database:
        key, enough = await a_key(database), asyncio.Event()
        await post_task(database, RECIPIENTS)
        with services_on(database_url, relay, tmp_path) as url:
            await answers(url)
            callers = [Caller(url, key) for _ in range(2)]
            calling = asyncio.gather(*(caller.call(enough) for caller in callers))
            await sent(relay, 50)
            brought = await strike_all(database_url, database, folder, dice, rounds)
            await eventually(database, "SELECT completed FROM task WHERE id = 1")
            enough.set()
            await calling
        rows = await database.fetch("SELECT id, name FROM list WHERE name LIKE '% of %'")
        findings = await audit(database, deliveries=deliveries_of(relay))

    accepted = {number: name for caller in callers for number, name in caller.accepted.items()}
    refused = sum(len(caller.refused) for caller in callers)
    people = {token_of(name).ordinal for name in relay.taken}
    lost = len(accepted.items() - {(row["id"], row["name"]) for row in rows})
    measured.add(kills=5 * rounds, migrations=brought, commands=len(accepted), commands_lost=lost, refused=refused)
    measured.add(lost=RECIPIENTS - len(people), doubled=relay.taken.total() - len(relay.taken), rounds=rounds)
    assert (lost, refused, len(rows)) == (0, 0, len(accepted))
    assert BitMap(people) == BitMap(range(RECIPIENTS))
    assert relay.taken.total() == RECIPIENTS
    assert not findings, tell(findings)


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F39", "kill -9 of the first migration of an empty database, anywhere", expects="the next start finishes"
)
async def test_a_killed_installation_is_finished_by_the_next_start(
    postgres_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """In any file of all there are; then what is there is what one run brings."""
    every = [migration.name for migration in read_migrations(MIGRATIONS)]
    for number in range(1, rounds + 1):
        name = f"postroom_installed_{os.getpid()}_{number}"
        url = await databases.create(postgres_url, name)
        async with owner_of(url) as database:
            places = (*dice.sample(MIGRATING[:-1], 2), MIGRATING[-1])
            for place in places:
                nth = 1 if place == "migration.granting" else dice.randint(1, 10)
                await strike(url, database, MIGRATIONS, place, nth)
            await migrate(url)
            rows = await database.fetch("SELECT name FROM migration ORDER BY number")
        await databases.drop(postgres_url, name)
        assert [row["name"] for row in rows] == every
        measured.add(kills=len(places), missing=len(every) - len(rows))
    measured.add(rounds=rounds)
