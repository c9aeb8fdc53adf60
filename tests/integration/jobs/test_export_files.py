"""The file of an export is there whole or not at all, whatever happens to whoever writes it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.dispatcher.jobs.files import write_file
from services.dispatcher.jobs.files.clear_files import FileClearer
from services.dispatcher.jobs.types import export_list
from services.dispatcher.jobs.types.export_list import work_export_list
from services.dispatcher.jobs.work import Completed, JobTools
from shared.domain.identifiers import Instant
from shared.object_store.in_folder import InFolder
from shared.object_store.interface import NoSuchObject, UploadLost
from shared.postgres.database import Database
from tests.integration.jobs.hand_worked import ACCOUNT, Mortal, add_job, claim, tools_with, work_until_done

PEOPLE = 23
PARAMS = {"list": "L", "lists": True, "vars": ["n"]}
_SEED = """
WITH made AS (INSERT INTO list (id, account_id, name, version, cdate) VALUES (1, $1, 'L', 1, now())),
people AS (
    INSERT INTO subscriber (id, account_id, email, vars, cdate)
    SELECT n, $1, 'p' || n || '@x.example', jsonb_build_object('n', n), now() FROM generate_series(1, $2) AS n)
SELECT 1"""
_ON_LIST = """
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) SELECT 1, id, true, now() FROM subscriber"""
_FILES = "SELECT key, upload, removed, expires_at IS NOT NULL AS whole FROM export_file ORDER BY cdate"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    await database.execute(_SEED, ACCOUNT, PEOPLE)
    await database.execute(_ON_LIST)
    yield database
    await database.close()


@pytest.fixture
def store(tmp_path: Path) -> InFolder:
    return InFolder(tmp_path)


@pytest.fixture
def tools(database: Database, store: InFolder, monkeypatch: pytest.MonkeyPatch) -> JobTools:
    """Of a few lines a page, and of a few pages a part."""
    monkeypatch.setattr(export_list, "ROWS", 4)
    monkeypatch.setattr(write_file, "LEAST_PART", 1_000)
    return tools_with(database, store)


async def read(store: InFolder, key: str) -> bytes:
    async with store.open(key) as stored:
        return b"".join([piece async for piece in stored.pieces])


def key_of(outcome: Any) -> str:
    assert isinstance(outcome, Completed)
    return str(outcome.result["export_url"]).removeprefix("http://api.example/export?key=")


async def exported(tools: JobTools, store: InFolder, life: Mortal) -> tuple[int, list[bytes]]:
    """How many rows the job counted, and the lines of its file."""
    await add_job(tools, "export_list_data", PARAMS)
    job, outcome = await work_until_done(tools, work_export_list, life)
    lines = (await read(store, key_of(outcome))).splitlines()
    await tools.database.execute("UPDATE job_work SET ended = true")
    return job.rows, lines


async def test_a_file_of_many_parts_holds_everybody_once(tools: JobTools, store: InFolder) -> None:
    life = Mortal()
    rows, lines = await exported(tools, store, life)

    assert rows == PEOPLE
    assert [line.split(b",")[0] for line in lines[1:]] == [str(n).encode() for n in range(1, PEOPLE + 1)]
    assert [line.split(b",")[-1] for line in lines[1:]] == [str(n).encode() for n in range(1, PEOPLE + 1)]
    assert life.calls > 12


async def test_whenever_it_dies_the_file_is_the_same(tools: JobTools, store: InFolder) -> None:
    """Before and after each thing it does to the store, and between each two steps of the job."""
    whole = Mortal()
    undisturbed = await exported(tools, store, whole)
    differing = []
    for dies_at in range(1, whole.calls + 1):
        for before in (True, False):
            life = Mortal(dies_at, before)
            if await exported(tools, store, life) != undisturbed:
                differing.append((dies_at, before))
            assert life.deaths == 1

    assert differing == []


async def test_nothing_is_served_before_the_file_is_whole(tools: JobTools, store: InFolder) -> None:
    await add_job(tools, "export_list_data", PARAMS)
    job = await claim(tools)
    served = []
    while (outcome := await work_export_list(tools, job)) is None:
        [row] = await tools.database.fetch(_FILES)
        try:
            served.append((row["whole"], len((await read(store, row["key"])).splitlines())))
        except NoSuchObject:
            served.append((row["whole"], 0))

    assert served[-1] == (True, PEOPLE + 1)
    assert set(served[:-1]) == {(False, 0)}
    assert isinstance(outcome, Completed)


async def test_a_lost_upload_is_begun_anew(tools: JobTools, store: InFolder) -> None:
    """Also the rows are counted anew; what was begun first is cleared away in the end."""
    await add_job(tools, "export_list_data", PARAMS)
    job = await claim(tools)
    while len(job.cursor.get("tags", ())) < 2:
        assert await work_export_list(tools, job) is None
    await store.abandon(job.cursor["key"], job.cursor["upload"])
    with pytest.raises(UploadLost):
        await store.put_part(job.cursor["key"], job.cursor["upload"], 3, b"x")

    job, outcome = await work_until_done(tools, work_export_list, Mortal())
    lines = (await read(store, key_of(outcome))).splitlines()

    assert (job.rows, len(lines)) == (PEOPLE, PEOPLE + 1)
    assert [row["whole"] for row in await tools.database.fetch(_FILES)] == [False, True]


async def test_what_a_job_left_is_cleared_when_it_has_ended(tools: JobTools, store: InFolder, tmp_path: Path) -> None:
    """An upload that will not be finished goes, a file stays until its time is over, and what goes on is left alone."""
    clearer = FileClearer(tools.database, store, tools.now, 3600.0)
    await add_job(tools, "export_list_data", PARAMS)
    job = await claim(tools)
    while not job.cursor.get("tags"):
        await work_export_list(tools, job)
    await clearer.step()
    going_on = list((tmp_path / "unfinished").iterdir())
    await tools.database.execute("UPDATE job SET status = 'error', reason = 'x'")
    await tools.database.execute("UPDATE job_work SET ended = true")
    _, lines = await exported(tools, store, Mortal())
    await clearer.step()
    kept = [path.name for path in (tmp_path / "files").iterdir()]
    after_failure = list((tmp_path / "unfinished").iterdir())
    await tools.database.execute("UPDATE export_file SET expires_at = now() WHERE expires_at IS NOT NULL")
    await clearer.step()

    assert len(going_on) == 1
    assert (after_failure, len(kept), len(lines)) == ([], 1, PEOPLE + 1)
    assert list((tmp_path / "files").iterdir()) == []
    assert [row["removed"] for row in await tools.database.fetch(_FILES)] == [True, True]


async def test_an_upload_that_no_row_knows_is_cleared_in_a_day(
    tools: JobTools, store: InFolder, tmp_path: Path
) -> None:
    """Whoever died between opening it and noting it left it behind."""
    await store.begin("orphan")
    await add_job(tools, "export_list_data", PARAMS)
    job = await claim(tools)
    await work_export_list(tools, job)
    later = [0.0]
    clearer = FileClearer(tools.database, store, lambda: Instant(tools.now() + later[0]), 3600.0)
    left = []
    for hours in (0, 2, 25):
        later[0] = hours * 3600.0
        await clearer.step()
        left.append({path.name for path in (tmp_path / "unfinished").iterdir()})

    going_on = {job.cursor["key"]}
    assert left == [{"orphan"} | going_on, {"orphan"} | going_on, going_on]
