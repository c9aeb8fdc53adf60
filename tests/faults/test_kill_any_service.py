"""Any service may be killed at any moment of a task: nobody is missing, and nobody gets two copies."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess

RECIPIENTS = 50_000
KILLS = 24
SECRET = bytes(range(32))
SERVICES = ("api", "dispatcher", "tracker")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Database]:
    database = await Database.connect(url)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[dict[str, ServiceProcess]]:
    services = {name: ServiceProcess(name, environment, folder / f"{name}.log") for name in SERVICES}
    try:
        for service in services.values():
            service.start()
        yield services
    finally:
        for service in services.values():
            service.kill()


async def kill_at_random(
    services: dict[str, ServiceProcess], relay: CountingRelay, chance: random.Random, kills: int
) -> list[str]:
    """So many times one of them, after some more messages were sent, and started again at once. Answers the names."""
    killed: list[str] = []
    while len(killed) < kills:
        await sent(relay, relay.taken.total() + chance.randint(1, RECIPIENTS // KILLS // 2))
        await asyncio.sleep(chance.uniform(0, 0.02))
        name = chance.choices(SERVICES, weights=(1, 3, 2))[0]
        services[name].kill()
        services[name].start()
        killed.append(name)
    return killed


async def sent(relay: CountingRelay, count: int) -> None:
    async with asyncio.timeout(60):
        while relay.taken.total() < count:
            await asyncio.sleep(0.001)


async def completed(database: Database, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await database.fetch_value("SELECT completed FROM task WHERE id = 1"):
            await asyncio.sleep(0.1)


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F2",
    "kill -9 of api, dispatcher or tracker at any moment of a large task",
    expects="nobody missing, nobody doubled",
)
async def test_nobody_is_missing_and_only_the_listed_are_doubled(
    database_url: str, amqp_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """50,000 recipients, real Postgres and RabbitMQ, kill -9 of api, dispatcher and tracker at 24 random moments."""
    recipients = RECIPIENTS * rounds
    async with CountingRelay(seconds_each=0.002) as relay, connected(database_url) as database:
        await post_task(database, recipients)
        with running(_environment(database_url, amqp_url, relay, tmp_path), tmp_path) as services:
            killed = await kill_at_random(services, relay, dice, KILLS * rounds)
            await completed(database, 120 * rounds)

        copies = {_ordinal(message_id): count for message_id, count in relay.taken.items()}
        sets = await read_sets(database, 1, Kind)
        doubled = BitMap(ordinal for ordinal, count in copies.items() if count > 1)
        listed = sets.get(Kind.RESENT, BitMap()) | sets.get(Kind.HELD, BitMap())
        told = f"killed {killed}: {len(doubled)} doubled, {len(listed)} listed as in doubt"
        measured.add(kills=len(killed), lost=recipients - len(copies), doubled=len(doubled), listed=len(listed))
        measured.add(rounds=rounds, most_copies=max(copies.values()))

        assert BitMap(copies) == BitMap(range(recipients)), f"somebody is missing: {told}"
        assert not doubled, f"somebody was doubled: {told}"
        states = count_by_state(BitMap(range(recipients)), sets)
        assert sum(states.values()) == recipients, told
        assert states["accepted"] + states["in_doubt"] == recipients, told
        findings = await audit(database, deliveries=deliveries_of(relay))
        assert not findings, f"{tell(findings)}\n{told}"
        logs = (tmp_path / "dispatcher.log").read_text(encoding="utf-8")
        assert '"replies_found"' in logs or listed, "no kill met a message past its dot: the test shows nothing"


def _environment(database_url: str, amqp_url: str, relay: CountingRelay, folder: Path) -> dict[str, str]:
    return {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": amqp_url,
        "POSTROOM_SMTP_URL": relay.url,
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_API_PORT": "0",
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.5",
        "POSTROOM_DNS_CHECK": "off",
    }


def _ordinal(message_id: bytes) -> int:
    token = TokenKeys([SECRET]).read_web(message_id.split(b"@")[0].decode())
    assert token is not None
    return token.ordinal
