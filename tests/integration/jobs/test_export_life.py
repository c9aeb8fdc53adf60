"""The life of an exported file, with the settings of production: on S3, and gone when its time is over."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.postgres.database import Database
from tests.integration.jobs.conftest import World, running_world
from tests.integration.jobs.test_export_list import fetch
from tests.servers.s3 import S3Server, s3_server

SECONDS = 30.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


async def expired(world: World) -> tuple[dict[str, object], dict[str, object], int]:
    """What GET tells of a job at its end, what once its file is gone, and what then is at the URL."""
    caller = await world.caller()
    await caller.done(job="import", list="L", emails="ann@example.com")
    posted = await caller.post(job="export_list_data", list="L")
    told = await caller.ended(posted)
    async with asyncio.timeout(SECONDS):
        while "expired" not in (later := (await caller.get(posted.body["job_id"])).body):
            await asyncio.sleep(0.05)
        while await world.database.fetch_value("SELECT count(*) FROM export_file WHERE NOT removed"):
            await asyncio.sleep(0.05)
    # Of the first answer: its URL may be gone already, where the machine is slow.
    key = await world.database.fetch_value("SELECT key FROM export_file")
    return told, later, (await fetch(caller, f"{world.url}/export?key={key}"))[0]


async def test_a_file_goes_when_its_time_is_over(database: Database, tmp_path: Path) -> None:
    """The job says so from then on, and instead of the URL; nothing is left of it in the store."""
    async with running_world(database, tmp_path, export_seconds="1") as world:
        told, later, status = await expired(world)

    assert (told["status"], later["status"], later["filename"]) == ("completed", "completed", "l.csv")
    assert later["expired"] is True
    assert "export_url" not in later
    assert status == 404
    assert list((tmp_path / "objects" / "files").iterdir()) == []


async def test_files_are_kept_on_s3(database: Database, tmp_path: Path, s3: S3Server) -> None:
    """Written, served by the API and nobody else, and removed when it is time."""
    store = s3.url_of("exports", "/of/us")
    async with running_world(database, tmp_path, object_store_url=store) as world:
        caller = await world.caller()
        await caller.done(job="import", list="L", emails="ann@example.com,ben@example.com")
        told = await caller.done(job="export_list_data", list="L")
        status, headers, data = await fetch(caller, told["export_url"])
        served_by = urlsplit(told["export_url"]).netloc
        await database.execute("UPDATE export_file SET expires_at = now() - interval '1 second'")
        gone, _, _ = await fetch(caller, told["export_url"])

    assert (status, len(data.splitlines()), headers["Content-Length"]) == (200, 3, str(len(data)))
    assert served_by == urlsplit(world.url).netloc
    assert gone == 404
    assert not (tmp_path / "objects").exists()


async def test_an_export_waits_for_the_store_to_come_back(database: Database, tmp_path: Path) -> None:
    """It does not fail for that, and it loses nothing."""
    (tmp_path / "objects").write_text("in the way")
    async with running_world(database, tmp_path) as world:
        caller = await world.caller()
        await caller.done(job="import", list="L", emails="ann@example.com")
        posted = await caller.post(job="export_list_data", list="L")
        async with asyncio.timeout(SECONDS):
            while not await database.fetch_value("SELECT max(epoch) > 1 FROM job_work WHERE kind = 'export_list_data'"):
                await asyncio.sleep(0.05)
        waiting = (await caller.get(posted.body["job_id"])).body["status"]
        (tmp_path / "objects").unlink()
        told = await caller.ended(posted)

    assert waiting == "pending"
    assert (told["status"], told["rows"]) == ("completed", 1)
