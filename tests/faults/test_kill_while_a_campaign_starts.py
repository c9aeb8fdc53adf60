"""A dispatcher may be killed at any moment of a campaign's start: its tasks are there once each, or not yet."""

import asyncio
import base64
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.postgres.database import Database
from tests.campaigns import make_world, post_campaign
from tests.faults.auditing import nothing_found
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.sinks.fake_gateway import FakeGateway

SECRET = bytes(range(32))
PEOPLE, CAMPAIGNS, KILLS = 5, 30, 10
WAITING = """SELECT count(*) FROM pg_locks
              WHERE relation = 'campaign'::regclass AND NOT granted AND mode = 'RowExclusiveLock'"""


def services_for(database_url: str, relay: CountingRelay, gateway: FakeGateway, folder: Path) -> list[ServiceProcess]:
    """Dispatcher and tracker."""
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": relay.url,
        "POSTROOM_SMS_URL": gateway.url,
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.1",
        "POSTROOM_DNS_CHECK": "off",
    }
    return [ServiceProcess(name, environment, folder / f"{name}.log") for name in ("dispatcher", "tracker")]


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher while campaigns start", expects="each payload has one task, or none yet"
)
async def test_each_campaign_has_two_tasks(
    database_url: str, tmp_path: Path, dice: random.Random, measured: Measured
) -> None:
    """kill -9 in the middle of the transaction that starts one, and at ten random moments while others start."""
    database, owner = await Database.connect(database_url), await Database.connect(database_url, role=None)
    await make_world(database, PEOPLE)
    await post_campaign(database, number=1)
    async with CountingRelay() as relay, FakeGateway() as gateway:
        dispatcher, tracker = services_for(database_url, relay, gateway, tmp_path)
        try:
            await kill_within_its_start(owner, dispatcher)
            assert await tasks_of(database, 1) == 0, "half of a start is none"
            tracker.start()
            dispatcher.start()
            killed = 0
            for number in range(2, CAMPAIGNS + 1):
                await post_campaign(database, number=number)
                if dice.random() < KILLS / CAMPAIGNS:
                    await asyncio.sleep(dice.uniform(0, 0.3))
                    dispatcher.kill()
                    dispatcher.start()
                    killed += 1
            await until(lambda: all_ended(database), 120)
        finally:
            dispatcher.kill()
            tracker.kill()
        rows = await database.fetch("SELECT id, state, tasks FROM campaign ORDER BY id")
        found = {row["id"]: await tasks_of(database, row["id"]) for row in rows}
        await nothing_found(database, relay, gateway)
        await database.close()
        await owner.close()

    measured.add(
        kills=killed + 1, lost=CAMPAIGNS * PEOPLE - len(relay.taken), doubled=relay.taken.total() - len(relay.taken)
    )

    assert found == dict.fromkeys(range(1, CAMPAIGNS + 1), 2), f"{killed} kills"
    assert {row["state"] for row in rows} == {"DONE"}
    assert len({task for row in rows for task in row["tasks"]}) == 2 * CAMPAIGNS
    assert len(relay.taken) == len({sms["id"] for sms in gateway.ledger}) == CAMPAIGNS * PEOPLE, "nobody is missing"


async def kill_within_its_start(owner: Database, dispatcher: ServiceProcess) -> None:
    """Its events are appended, its row is waited for, and the process is gone before it can commit."""
    async with owner.transaction() as connection:
        await connection.execute("LOCK TABLE campaign IN EXCLUSIVE MODE")
        dispatcher.start()
        await until(lambda: connection.fetch_value(WAITING))
        dispatcher.kill()


async def tasks_of(database: Database, number: int) -> int:
    count: int = await database.fetch_value("SELECT count(*) FROM task WHERE campaign_id = $1", number)
    return count


async def all_ended(database: Database) -> bool:
    return not await database.fetch_value("SELECT count(*) FROM campaign WHERE state NOT IN ('DONE', 'ERROR')")
