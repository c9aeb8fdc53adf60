"""Dispatchers may be killed at any moment of a metered task: nobody pays twice, and the ledger is who was sent to."""

import asyncio
import random
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.faults.test_kill_while_texting import dispatcher_for, slow, taken
from tests.integration.dispatcher.charging import allow, charged
from tests.integration.dispatcher.dispatching import settled
from tests.sinks.fake_gateway import FakeGateway

RECIPIENTS = 4_000
CREDIT = 3_001
KILLS = 10


@pytest.mark.timeout(240)
async def test_the_ledger_is_who_was_sent_to_whenever_it_was_killed(database_url: str, tmp_path: Path) -> None:
    """Two dispatchers, one of them killed ten times; the credit ends mid-task and is spent to the last unit."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    database = await Database.connect(database_url)
    await allow(database, credit=CREDIT)
    async with FakeGateway(slow) as gateway:
        await post_task(database, RECIPIENTS, channel="sms")
        for folder in ("killed", "other"):
            (tmp_path / folder).mkdir()
        killed, other = (dispatcher_for(database_url, gateway, tmp_path / folder) for folder in ("killed", "other"))
        killed.start()
        try:
            for kill in range(KILLS):
                await taken(gateway, len(gateway.ledger) + chance.randint(1, CREDIT // KILLS // 2))
                await asyncio.sleep(chance.uniform(0, 0.02))
                killed.kill()
                killed.start()
                if kill == KILLS // 2:
                    other.start()
            sets = await settled(database, RECIPIENTS, seconds=120)
        finally:
            killed.kill()
            other.kill()
    spent = await charged(database)
    await database.close()

    told = f"seed {seed}: {spent} charged"
    assert len(sets[Kind.UNCHARGED]) == RECIPIENTS - CREDIT, told
    sent_to = sets[Kind.SUBMITTED] | sets.get(Kind.HELD, BitMap())
    assert spent == len(sent_to) == CREDIT, told
    assert not sent_to & sets[Kind.UNCHARGED], told
