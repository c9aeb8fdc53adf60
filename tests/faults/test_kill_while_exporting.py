"""A dispatcher may be killed at any moment of an export: another goes on, and the file holds everybody once."""

import asyncio
import base64
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.object_store.interface import NoSuchObject, ObjectStore
from shared.object_store.opening import open_object_store
from shared.postgres.database import Database
from tests.faults.auditing import nothing_found
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.integration.jobs.hand_worked import ACCOUNT, add_job, tools_with
from tests.servers.s3 import S3Server, s3_server

PEOPLE = 100_000
KILLS = 6
SECONDS = 40.0
SECRET = base64.b64encode(bytes(range(32))).decode()
_PEOPLE = """
INSERT INTO subscriber (id, account_id, email, vars, cdate)
SELECT n, $1, 'person-' || n || '@x.example', jsonb_build_object('n', n), now() FROM generate_series(1, $2) AS n"""
_LIST = "INSERT INTO list (id, account_id, name, version, cdate) VALUES (1, $1, 'L', 1, now())"
_ON_LIST = """
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at)
SELECT 1, id, true, now() FROM subscriber ORDER BY id"""
#: Steps of the job that are stored: its beginning, each part, and its end.
_STEPS = """
SELECT coalesce(jsonb_array_length(job_cursor -> 'tags'), -1) + 1 + (job_cursor ? 'until')::integer AS steps, ended
  FROM job_work"""


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher while it exports", expects="the file is whole or absent, everybody in it once"
)
async def test_the_file_holds_everybody_once_whenever_it_was_killed(
    database_url: str, tmp_path: Path, s3: S3Server, dice: random.Random, measured: Measured
) -> None:
    """Killed six times, at random moments behind a checkpoint; until it is whole there is no file at all."""
    url = s3.url_of("exports")
    database, store = await Database.connect(database_url), open_object_store(url)
    for statement, args in ((_LIST, (ACCOUNT,)), (_PEOPLE, (ACCOUNT, PEOPLE)), (_ON_LIST, ())):
        await database.execute(statement, *args)
    await add_job(tools_with(database, store), "export_list_data", {"list": "L", "lists": True, "vars": ["n"]})
    dispatcher = _dispatcher(database_url, url, tmp_path)
    early = 0
    try:
        for kill in range(KILLS):
            dispatcher.start()
            await _reached(database, min(kill, 4))
            await asyncio.sleep(dice.uniform(0, 0.3))
            dispatcher.kill()
            early += await _served_early(database, store)
            # As if the time of its lease had passed.
            await database.execute("UPDATE job_work SET leased_until = '-infinity'")
        dispatcher.start()
        await _reached(database, None)
    finally:
        dispatcher.kill()
    async with store.open(
        await database.fetch_value("SELECT key FROM export_file WHERE expires_at IS NOT NULL")
    ) as file:
        data = b"".join([piece async for piece in file.pieces])
    [row] = await database.fetch("SELECT rows, status FROM job_work JOIN job USING (id)")
    await store.close()
    await nothing_found(database)
    await database.close()

    people = [line.split(b",")[0] for line in data.splitlines()[1:]]
    measured.add(
        kills=KILLS, lost=PEOPLE - len(set(people)), doubled=len(people) - len(set(people)), served_early=early
    )
    assert early == 0
    assert (row["status"], row["rows"]) == ("completed", PEOPLE)
    assert people == [b"%d" % n for n in range(1, PEOPLE + 1)]


def _dispatcher(database_url: str, store: str, folder: Path) -> ServiceProcess:
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": "smtp://127.0.0.1:1",
        "POSTROOM_SECRET": SECRET,
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_OBJECT_STORE_URL": store,
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_SWEEP_SECONDS": "0.05",
    }
    return ServiceProcess("dispatcher", environment, folder / "log")


async def _reached(database: Database, steps: int | None) -> None:
    """So many steps of the job are stored, or it has ended."""
    async with asyncio.timeout(SECONDS):
        while True:
            [row] = await database.fetch(_STEPS)
            if row["ended"] or (steps is not None and row["steps"] >= steps):
                return
            await asyncio.sleep(0.01)


async def _served_early(database: Database, store: ObjectStore) -> int:
    """Whether there is anything under the key of a file that is not finished."""
    found = 0
    for row in await database.fetch("SELECT key FROM export_file WHERE expires_at IS NULL"):
        try:
            await store.size(row["key"])
        except NoSuchObject:
            continue
        done = await database.fetch_value("SELECT job_cursor ->> 'ended' FROM job_work")
        found += done != "true"  # finished, and killed before it was noted
    return found
