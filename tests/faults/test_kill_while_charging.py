"""Dispatchers may be killed at any moment of a metered task: nobody pays twice, and the ledger is who was sent to."""

import asyncio
import random
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.delivery_log.chunks import decode_chunk
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.faults.auditing import nothing_found
from tests.faults.measured import Measured
from tests.faults.test_kill_while_texting import dispatcher_for, slow, taken
from tests.integration.dispatcher.charging import allow, charged
from tests.integration.dispatcher.dispatching import settled
from tests.sinks.fake_gateway import FakeGateway

RECIPIENTS = 4_000
CREDIT = 3_001
KILLS = 10


@pytest.mark.timeout(240)
@pytest.mark.fault("F2", "kill -9 of a dispatcher while it charges for SMS", expects="charged is who was sent to, once")
async def test_the_ledger_is_who_was_sent_to_whenever_it_was_killed(
    database_url: str, tmp_path: Path, dice: random.Random, measured: Measured
) -> None:
    """Two dispatchers, one of them killed ten times; the credit ends mid-task and is spent to the last unit."""
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
                await taken(gateway, len(gateway.ledger) + dice.randint(1, CREDIT // KILLS // 2))
                await asyncio.sleep(dice.uniform(0, 0.02))
                killed.kill()
                killed.start()
                if kill == KILLS // 2:
                    other.start()
            sets = await settled(database, RECIPIENTS, seconds=120)
        finally:
            killed.kill()
            other.kill()
    spent, paid = await charged(database), await who_paid(database)
    await nothing_found(database, gateway)
    await database.close()

    told = f"{spent} charged"
    submitted, uncharged = sets[Kind.SUBMITTED], sets[Kind.UNCHARGED]
    measured.add(
        kills=KILLS, lost=CREDIT - spent, sent_uncharged=len(submitted - paid), charged_unsent=len(paid & uncharged)
    )
    assert spent == len(paid) == CREDIT, told
    assert submitted <= paid, f"somebody was sent to for nothing: {told}"
    assert not paid & uncharged, f"somebody paid for nothing: {told}"
    # Who is in doubt stays so where the credit is over; he paid, if he was sent to.
    held = sets.get(Kind.HELD, BitMap())
    assert paid - submitted <= held, told
    assert submitted | uncharged | held == BitMap(range(RECIPIENTS)), told


async def who_paid(database: Database) -> BitMap:
    rows = await database.fetch("SELECT chunk, bits FROM charge WHERE task_id = 1")
    assert {row["chunk"] for row in rows} == {0}
    return BitMap().union(*(decode_chunk(row["bits"]) for row in rows))
