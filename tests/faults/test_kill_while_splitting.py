"""Dispatcher and tracker may be killed at any moment of a split test: everybody of its audience is in one task."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database
from tests.faults.auditing import nothing_found
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.integration.dispatcher.dispatching import SECRET_TEXT
from tests.splitting import people_by_task, post_splittest, row_of, times_each

RECIPIENTS = 3_000
SECRET = bytes(range(32))

#: Whom to kill, once this holds.
STAGES = (
    ("dispatcher", "SELECT started FROM splittest"),
    ("dispatcher", "SELECT EXISTS (SELECT FROM split_recipient)"),
    ("dispatcher", "SELECT recipients IS NOT NULL FROM splittest"),
    ("dispatcher", "SELECT EXISTS (SELECT FROM contact_record)"),
    ("dispatcher", "SELECT count(*) FILTER (WHERE done) > 2 FROM batch"),
    ("tracker", "SELECT EXISTS (SELECT FROM task WHERE completed)"),
    ("dispatcher", "SELECT bool_and(completed) FROM task"),
    ("dispatcher", "SELECT winner_task_id IS NOT NULL FROM splittest"),
    ("dispatcher", "SELECT EXISTS (SELECT FROM contact_record WHERE task_id = (SELECT winner_task_id FROM splittest))"),
    ("dispatcher", "SELECT EXISTS (SELECT FROM batch WHERE done AND task_id = (SELECT winner_task_id FROM splittest))"),
)


def services_for(database_url: str, relay: CountingRelay, folder: Path) -> dict[str, ServiceProcess]:
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": relay.url,
        "POSTROOM_SECRET": SECRET_TEXT,
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.2",
        "POSTROOM_DNS_CHECK": "off",
    }
    names = ("dispatcher", "tracker")
    return {name: ServiceProcess(name, environment, folder / f"{name}.log") for name in names}


async def kill_at_each_step(database: Database, services: dict[str, ServiceProcess], chance: random.Random) -> None:
    """As soon as each stage is reached, and a moment later: in the middle of what follows from that."""
    for name, reached in STAGES:
        async with asyncio.timeout(60):
            while not await database.fetch_value(reached):
                await asyncio.sleep(0.002)
        await asyncio.sleep(chance.uniform(0, 0.03))
        services[name].kill()
        await _let_leases_run_out(database)
        services[name].start()


async def _let_leases_run_out(database: Database) -> None:
    """Of the dead one; the living one takes what was its own once more. The clock would do it in 15 seconds."""
    for table in ("sending", "splitting", "projection"):
        await database.execute(f"UPDATE {table} SET leased_until = '-infinity'")


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F2", "kill -9 of dispatcher or tracker at each stage of a split test", expects="everybody in one of its tasks"
)
async def test_the_tasks_are_the_audience_whenever_it_was_killed(
    database_url: str, tmp_path: Path, dice: random.Random, measured: Measured
) -> None:
    """3,000 people, a sample of a third, kills at every stage from the start to the end of the winner's task."""
    database = await Database.connect(database_url)
    async with CountingRelay(seconds_each=0.001) as relay:
        await post_splittest(database, RECIPIENTS, segmentvalue=33)
        services = services_for(database_url, relay, tmp_path)
        try:
            for service in services.values():
                service.start()
            await kill_at_each_step(database, services, dice)
            async with asyncio.timeout(150):
                while not (await row_of(database))["completed"]:
                    await asyncio.sleep(0.1)
        finally:
            for service in services.values():
                service.kill()
    row, people = await row_of(database), await people_by_task(database)
    sets = {task_id: await read_sets(database, task_id, Kind) for task_id in people}
    await nothing_found(database, relay)
    await database.close()

    assert row["recipients"] == RECIPIENTS
    assert [len(each) for each in people.values()] == [330, 330, 330, 2_010]
    assert set(times_each(people).values()) == {1}
    assert len(times_each(people)) == RECIPIENTS
    copies = Counter[tuple[int, int]]()
    for message_id, count in relay.taken.items():
        copies[_recipient(message_id)] += count
    for task_id, each in people.items():
        states = count_by_state(BitMap(range(len(each))), sets[task_id])
        assert sum(states.values()) == states["accepted"] + states["in_doubt"] == len(each)
        doubled = {ordinal for (task, ordinal), count in copies.items() if task == task_id and count > 1}
        assert doubled <= set(sets[task_id][Kind.RESENT] | sets[task_id][Kind.HELD])
    measured.add(kills=len(STAGES), lost=RECIPIENTS - len(copies), doubled=copies.total() - len(copies))
    assert len(copies) == RECIPIENTS


def _recipient(message_id: bytes) -> tuple[int, int]:
    token = TokenKeys([SECRET]).read_web(message_id.split(b"@")[0].decode())
    assert token is not None
    return token.task, token.ordinal
