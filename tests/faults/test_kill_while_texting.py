"""A dispatcher may be killed at any moment of an SMS task: nobody is missing, and whoever got two copies is listed."""

import asyncio
import base64
import random
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKeys, TokenKind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.faults.auditing import nothing_found
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.integration.dispatcher.dispatching import settled
from tests.sinks.fake_gateway import FakeGateway, Step, answer
from tests.sinks.fake_relay import Action, After

RECIPIENTS = 10_000
KILLS = 12
SECRET = bytes(range(32))


def slow(step: Step) -> Action | None:
    """Long enough for a kill to meet requests whose last byte is out."""
    return After(0.005, answer(202)) if step.stage == "request" else None


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher at any moment of an SMS task", expects="nobody missing, the doubled listed"
)
async def test_nobody_is_missing_and_only_the_listed_are_doubled(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """10,000 recipients, and kill -9 at twelve random moments; the repeated ones carry the id they had."""
    recipients = RECIPIENTS * rounds
    database = await Database.connect(database_url)
    async with FakeGateway(slow) as gateway:
        await post_task(database, recipients, channel="sms")
        dispatcher = dispatcher_for(database_url, gateway, tmp_path)
        dispatcher.start()
        try:
            for _ in range(KILLS * rounds):
                await taken(gateway, len(gateway.ledger) + dice.randint(1, RECIPIENTS // KILLS // 2))
                await asyncio.sleep(dice.uniform(0, 0.02))
                dispatcher.kill()
                dispatcher.start()
            sets = await settled(database, recipients, seconds=120 * rounds)
        finally:
            dispatcher.kill()
    await nothing_found(database, gateway)
    await database.close()

    copies = Counter(ordinal_of(sms["id"]) for sms in gateway.ledger)
    doubled = BitMap(ordinal for ordinal, count in copies.items() if count > 1)
    listed = sets.get(Kind.RESENT, BitMap()) | sets.get(Kind.HELD, BitMap())
    told = f"{len(doubled)} doubled, {len(listed)} listed as in doubt"
    measured.add(kills=KILLS * rounds, lost=recipients - len(copies), doubled=len(doubled), listed=len(listed))
    measured.add(most_copies=max(copies.values()), rounds=rounds)
    assert BitMap(copies) == BitMap(range(recipients)), f"somebody is missing: {told}"
    assert doubled <= listed, f"somebody was doubled silently: {told}"
    assert max(copies.values()) <= 2, told
    assert len({sms["id"] for sms in gateway.ledger}) == recipients, told
    assert sets[Kind.SUBMITTED] | sets.get(Kind.HELD, BitMap()) == BitMap(range(recipients)), told
    assert Kind.DELIVERED not in sets, "a replayed journal has counted an answer as a receipt"
    assert listed, "no kill met a request past its last byte: the test shows nothing"


def dispatcher_for(database_url: str, gateway: FakeGateway, folder: Path) -> ServiceProcess:
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMS_URL": gateway.url,
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_SWEEP_SECONDS": "0.2",
    }
    return ServiceProcess("dispatcher", environment, folder / "dispatcher.log")


async def taken(gateway: FakeGateway, count: int) -> None:
    async with asyncio.timeout(60):
        while len(gateway.ledger) < count:
            await asyncio.sleep(0.001)


def ordinal_of(reference: str) -> int:
    token = TokenKeys([SECRET]).read_web(reference)
    assert token is not None
    assert token.kind is TokenKind.RECEIPT
    return token.ordinal
