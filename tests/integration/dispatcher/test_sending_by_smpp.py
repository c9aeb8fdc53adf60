"""A task of SMS over SMPP, from the batches to the receipts: everybody once, and each receipt to its recipient."""

import asyncio
from pathlib import Path

from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import dispatching, recorded, settled
from tests.sinks.smsc import Smsc

STATES = ("DELIVRD", "UNDELIV", "EXPIRED", "REJECTD")


def url(smsc: Smsc) -> str:
    return f"smpp://postroom:secret@127.0.0.1:{smsc.port}?window=20"


async def test_receipts_find_the_recipients_of_a_task(database: Database, tmp_path: Path) -> None:
    """Each number is texted once, what its receipt says is recorded, and receipts said twice change nothing."""
    await post_task(database, 200, channel="sms")
    async with Smsc() as smsc, dispatching(database, 1, tmp_path, smtp_url="", sms_url=url(smsc)):
        sets = await settled(database, 200, seconds=60)
        stat = {entry.destination: STATES[place % len(STATES)] for place, entry in enumerate(smsc.ledger)}
        for _ in range(2):
            said = [smsc.receipt(entry, stat[entry.destination], error="012") for entry in smsc.ledger]
            assert all(await asyncio.gather(*said))
        heard = await recorded(database)

    rows = await database.fetch("SELECT ordinal, address FROM contact_record WHERE task_id = 1")
    number = {row["address"].removeprefix("+"): row["ordinal"] for row in rows}
    delivered = BitMap(number[destination] for destination, word in stat.items() if word == "DELIVRD")
    assert sets[Kind.SUBMITTED] == BitMap(range(200))
    assert Kind.DELIVERED not in sets
    assert len(smsc.ledger) == len(stat) == 200
    assert heard[Kind.DELIVERED] == delivered
    assert heard[Kind.BOUNCED] == BitMap(range(200)) - delivered


async def test_a_receipt_that_nobody_knows_is_acknowledged_and_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    """Else the SMSC would say it for ever."""
    await post_task(database, 1, channel="sms")
    async with Smsc() as smsc, dispatching(database, 1, tmp_path, smtp_url="", sms_url=url(smsc)):
        await settled(database, 1)
        await database.execute("DELETE FROM sms_reference")
        acknowledged = await smsc.receipt(smsc.ledger[0], "DELIVRD")
        sets = await recorded(database)

    assert acknowledged
    assert Kind.DELIVERED not in sets


async def test_a_throttled_task_is_sent_whole_without_a_spent_attempt(database: Database, tmp_path: Path) -> None:
    await post_task(database, 40, channel="sms")

    def script(number: int, _: str) -> int:
        return 0x58 if number in (5, 6, 30) else 0

    async with Smsc(script) as smsc, dispatching(database, 1, tmp_path, smtp_url="", sms_url=url(smsc)):
        sets = await settled(database, 40, seconds=60)

    destinations = [entry.destination for entry in smsc.ledger]
    assert sets[Kind.SUBMITTED] == BitMap(range(40))
    assert Kind.DEFERRED not in sets
    assert len(destinations) == len(set(destinations)) == 40
    assert await database.fetch_value("SELECT max(attempt) FROM batch") == 1
