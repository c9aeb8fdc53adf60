"""kill -9 in the middle of an import: it goes on where it stood, and every line is done once."""

import asyncio
from pathlib import Path

import pytest

from services.api.resources.job.types.import_list import TYPE
from services.dispatcher.jobs.held_job import LEASE_SECONDS
from shared.domain.cut_pieces import PIECE_LINES, cut_pieces
from shared.domain.identifiers import AccountId, job_stream
from shared.domain.job import CreateJob
from shared.domain.job_id import write_job_id
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.job import JOBS
from shared.postgres.database import Database
from shared.runtime import clock
from tests.faults.auditing import nothing_found
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.test_kill_while_noticing import environment_for

LINES = 14 * PIECE_LINES
COUNTS = """
SELECT (SELECT count(*) FROM subscriber) AS subscribers, (SELECT count(*) FROM subscription) AS subscriptions,
       (SELECT sum(jsonb_array_length(data -> 'created')) FROM event WHERE type = 'list.subscribers_changed') AS told,
       (SELECT count(*) FROM event WHERE type = 'job.completed') AS ends
"""


async def _post(database: Database) -> None:
    """As ``POST /job`` stores it."""
    handler = Handler(PostgresEventStore(database), clock.now)
    command = CreateJob(write_job_id(1, clock.now()), AccountId(1), TYPE.kind, "List Import: Main")
    await handler.handle(JOBS, job_stream(1), command, Actor(1, 1), fresh=True)
    await database.execute(
        "INSERT INTO account (id, name, version, cdate, sailthru_secret, webhook_secret) "
        "VALUES (1, 'a', 1, now(), '', '')"
    )
    lines = b"".join(b"p%d@example.com\n" % number if number % 1000 else b"bad\n" for number in range(LINES))
    for piece in cut_pieces(lines):
        await database.execute(
            "INSERT INTO job_input (job_id, piece, first_line, data) VALUES (1, $1, $2, $3)",
            *(piece.number, piece.first_line, piece.data),
        )
    await database.execute(
        "INSERT INTO job_work (id, account_id, user_id, kind, params) VALUES (1, 1, 1, 'import', $1)", {"list": "Main"}
    )


def _replica(database_url: str, folder: Path) -> ServiceProcess:
    folder.mkdir()
    return ServiceProcess("dispatcher", environment_for(database_url, 9, folder), folder / "log")


async def _piece(database: Database) -> int:
    return int(await database.fetch_value("SELECT coalesce(job_cursor ->> 'piece', '0')::integer FROM job_work") or 0)


async def _kill_in_turns(database: Database, replicas: list[ServiceProcess]) -> None:
    """Each of them once, a few pieces after it has begun."""
    for replica in replicas:
        replica.start()
        begun = await _piece(database)
        async with asyncio.timeout(60 + LEASE_SECONDS):
            while await _piece(database) < begun + 3:
                await asyncio.sleep(0.002)
        replica.kill()
    assert await _piece(database) < LINES / PIECE_LINES, "it was over before it could be killed"


async def _finish(database: Database, replicas: list[ServiceProcess]) -> None:
    for replica in replicas:
        replica.start()
    async with asyncio.timeout(120):
        while await database.fetch_value("SELECT status FROM job") == "pending":
            await asyncio.sleep(0.02)


@pytest.mark.timeout(300)
@pytest.mark.fault("F2", "kill -9 of dispatchers in turns while they import", expects="every line done once")
async def test_an_import_goes_on_where_it_was_killed(database_url: str, tmp_path: Path, measured: Measured) -> None:
    """Two replicas, killed in turns at whatever moment they are: the other takes over, in the end both are at it."""
    database = await Database.connect(database_url)
    await _post(database)
    replicas = [_replica(database_url, tmp_path / name) for name in ("a", "b")]
    try:
        await _kill_in_turns(database, replicas)
        await _finish(database, replicas)
    finally:
        for replica in replicas:
            replica.kill()
    [row] = await database.fetch("SELECT status, rows, rows_failed, result, errors FROM job JOIN job_work USING (id)")
    [counts] = await database.fetch(COUNTS)
    await nothing_found(database)
    await database.close()

    bad = LINES // 1000
    measured.add(
        kills=len(replicas), lost=LINES - bad - counts["subscribers"], doubled=counts["told"] - counts["subscribers"]
    )
    assert (row["status"], row["rows"], row["rows_failed"]) == ("completed", LINES, bad)
    assert [error["line"] for error in row["errors"]] == [1 + 1000 * number for number in range(bad)][:100]
    assert row["result"] == {"created": LINES - bad, "updated": 0, "skipped": 0}
    assert counts["subscribers"] == counts["subscriptions"] == counts["told"] == LINES - bad
    assert counts["ends"] == 1
