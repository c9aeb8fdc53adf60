"""Who may work at a job, for how long, and how often it may go wrong."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from services.dispatcher.jobs.held_job import HeldJob, LeaseLost, RowFault, chunk_of, read_held
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.work import Completed, JobTools, Later, Outcome
from services.dispatcher.jobs.worker import MOST_FAILURES, UNEXPECTED, Worker
from shared.domain.egress import EgressRules
from shared.domain.identifiers import AccountId, job_stream
from shared.domain.job import CreateJob
from shared.domain.job_id import write_job_id
from shared.egress.client import EgressClient
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.job import JOBS
from shared.object_store.in_folder import InFolder
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from shared.runtime import clock
from shared.suppression.address_hash import AddressHashes

SECRET = (bytes(range(32)),)


@dataclass
class Scripted:
    """A work that does as it is told, call by call: raises, ends, or goes on (None) by one chunk."""

    script: list[Any]
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, tools: JobTools, job: HeldJob) -> Outcome | None:
        self.seen.append(dict(job.cursor))
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        if said is None:
            async with chunk_of(tools.database, job) as chunk:
                chunk.cursor, chunk.rows = {"n": job.cursor.get("n", 0) + 1}, 2
                chunk.faults = [RowFault(1, "a"), RowFault(1, "b")]
        outcome: Outcome | None = said
        return outcome


@pytest.fixture
async def tools(database: Database, handler: Handler, tmp_path: Path) -> JobTools:
    """Of a process with one job to do."""
    command = CreateJob(write_job_id(1, clock.now()), AccountId(1), "import", "x")
    await handler.handle(JOBS, job_stream(1), command, Actor(1, 1), fresh=True)
    await database.execute(
        "INSERT INTO account (id, name, version, cdate, sailthru_secret, webhook_secret) "
        "VALUES (1, 'a', 1, now(), '', '')"
    )
    await database.execute(
        "INSERT INTO job_work (id, account_id, user_id, kind, params) VALUES (1, 1, 1, 'import', '{}')"
    )
    return JobTools(
        database=database,
        handler=handler,
        ids=Ids(database),
        hashes=AddressHashes(SECRET),
        egress=EgressClient(EgressRules((), frozenset({443}))),
        secret=SECRET,
        owner=1,
        now=clock.now,
        monotonic=clock.monotonic,
        random_bytes=clock.random_bytes,
        hint=lambda topic: None,
        objects=InFolder(tmp_path),
        api_url="http://api.example",
        export_seconds=60.0,
        report_from="postroom@example.com",
        dns_check=False,
    )


async def _claim(tools: JobTools, seconds: float = 15.0) -> HeldJob | None:
    row = await tools.database.fetch_row(STATEMENTS["claim_job"], tools.owner, seconds, ["import"])
    return read_held(row, tools.owner) if row else None


async def _job(database: Database) -> dict[str, Any]:
    [row] = await database.fetch(
        "SELECT status, reason, rows, rows_failed, errors, job_cursor FROM job JOIN job_work USING (id)"
    )
    return dict(row)


async def test_a_job_is_one_processes_while_its_lease_lasts(tools: JobTools) -> None:
    other = replace(tools, owner=2)
    held = await _claim(tools)

    assert held is not None
    assert await _claim(other) is None
    await tools.database.execute("UPDATE job_work SET leased_until = now()")
    taken = await _claim(other)
    assert taken is not None
    assert taken.epoch == held.epoch + 1


async def test_whoever_lost_his_lease_stores_nothing(tools: JobTools) -> None:
    """Nor does he see the job end."""
    held = await _claim(tools)
    await tools.database.execute("UPDATE job_work SET leased_until = now()")
    taken = await _claim(replace(tools, owner=2))
    assert held
    assert taken

    with pytest.raises(LeaseLost):
        async with chunk_of(tools.database, held) as chunk:
            chunk.rows = 5
    async with chunk_of(tools.database, taken) as chunk:
        chunk.rows = 3
    assert (await _job(tools.database))["rows"] == 3


async def _fail_in_chunk(tools: JobTools, held: HeldJob) -> None:
    async with chunk_of(tools.database, held) as chunk:
        await chunk.connection.execute("UPDATE job_work SET result = '{\"a\": 1}'")
        chunk.rows, chunk.cursor = 5, {"n": 1}
        raise RuntimeError


async def test_a_chunk_is_stored_whole_or_not_at_all(tools: JobTools) -> None:
    held = await _claim(tools)
    assert held

    with pytest.raises(RuntimeError):
        await _fail_in_chunk(tools, held)
    assert (held.rows, held.cursor) == (0, {})
    assert (await _job(tools.database))["rows"] == 0


async def test_a_chunk_that_others_make_wait_holds_the_lease(tools: JobTools) -> None:
    """While it is under way nobody takes the job, though the lease has run out meanwhile."""
    held = await _claim(tools, seconds=0.2)
    assert held

    async with chunk_of(tools.database, held) as chunk:
        async with asyncio.timeout(10):
            while not await tools.database.fetch_value("SELECT leased_until < clock_timestamp() FROM job_work"):
                await asyncio.sleep(0.02)
        assert await _claim(replace(tools, owner=2)) is None
        chunk.rows = 1
    assert (await _job(tools.database))["rows"] == 1


async def test_chunks_go_on_from_the_cursor_until_the_job_ends(tools: JobTools) -> None:
    """A line with two faults is one bad line."""
    work = Scripted([None, None, Completed({"told": 1})])

    assert await Worker(tools, {"import": work}, asyncio.Event()).step()

    job = await _job(tools.database)
    assert work.seen == [{}, {"n": 1}, {"n": 2}]
    assert (job["status"], job["rows"], job["rows_failed"]) == ("completed", 4, 2)
    assert await Worker(tools, {"import": work}, asyncio.Event()).step() is False


async def test_what_goes_wrong_again_and_again_ends_the_job(tools: JobTools) -> None:
    """Not what went wrong now and then, with chunks in between."""
    worker = Worker(tools, {"import": (work := Scripted([]))}, asyncio.Event())
    work.script = [RuntimeError(), RuntimeError(), None, *[RuntimeError() for _ in range(MOST_FAILURES)]]

    for _ in range(2 + MOST_FAILURES):
        assert (await _job(tools.database))["status"] == "pending"
        assert await worker.step()
        await tools.database.execute("UPDATE job_work SET due_at = now() WHERE NOT ended")

    job = await _job(tools.database)
    assert (job["status"], job["reason"]) == ("error", UNEXPECTED)
    assert work.script == []


async def test_a_job_may_ask_to_be_called_later(tools: JobTools) -> None:
    worker = Worker(tools, {"import": Scripted([Later(60.0), Completed()])}, asyncio.Event())

    assert await worker.step()

    assert await worker.step() is False
    await tools.database.execute("UPDATE job_work SET due_at = now()")
    assert await worker.step()
    assert (await _job(tools.database))["status"] == "completed"


async def test_a_process_that_ends_gives_its_job_back(tools: JobTools) -> None:
    stop = asyncio.Event()
    stop.set()

    await Worker(tools, {"import": Scripted([])}, stop).step()

    assert await _claim(replace(tools, owner=2)) is not None
