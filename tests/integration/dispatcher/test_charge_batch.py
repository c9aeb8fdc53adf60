"""The one transaction of charging: for whom it is made, and for whom it is not."""

import asyncio
from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.sending.charge_batch import charge_batch
from services.dispatcher.sending.compose import EmailComposer
from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.load_task import TaskToSend
from services.dispatcher.sending.record_outcomes import OutcomeRecorder
from services.dispatcher.sending.statements import STATEMENTS
from shared.composing.prepare_message import prepare
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database, Row
from tests.integration.dispatcher.charging import ACCOUNT_ID, allow, charged, history_of
from tests.integration.dispatcher.dispatching import dispatching, recorded, settled
from tests.integration.dispatcher.test_charging import replying
from tests.integration.dispatcher.test_claims import OTHER, OWNER, claim, expire_leases, ready_task
from tests.mails import CONTEXT, KEYS, PLAIN
from tests.sinks.fake_relay import FakeRelay

TASK = TaskToSend(1, ACCOUNT_ID, 1, EmailComposer(prepare(PLAIN, CONTEXT), KEYS))


async def charge(database: Database, batch: HeldBatch, owner: int) -> list[Row]:
    rows = await database.fetch(STATEMENTS["recipients_of_batch"], 1, list(batch.ordinals), 1)
    recorder = OutcomeRecorder(DeliveryLog(database), batch, owner, ACCOUNT_ID)
    return await charge_batch(database, recorder, batch, owner, TASK, rows, Instant(CONTEXT.date))


async def test_who_lost_the_batch_charges_nobody(database: Database, handler: Handler) -> None:
    """What the new holder has settled by then would never be given back."""
    await allow(database, credit=100)
    await ready_task(database, handler, 20)
    (stale,) = await claim(database, OWNER)
    await expire_leases(database)
    (mine,) = await claim(database, OTHER)

    assert await charge(database, stale, OWNER) == []
    assert stale.halt == "lost"
    assert await charged(database) == 0
    assert len(await charge(database, mine, OTHER)) == 20
    assert (mine.halt, await charged(database)) == (None, 20)


async def test_the_same_batch_again_costs_nothing(database: Database, handler: Handler) -> None:
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    (mine,) = await claim(database, OWNER)

    assert [len(await charge(database, mine, OWNER)) for _ in range(3)] == [20] * 3
    assert await charged(database) == 20
    assert len(await history_of(database)) == 2


async def test_who_may_have_been_sent_to_before_there_was_a_meter_stays_in_doubt(
    database: Database, handler: Handler
) -> None:
    """Nobody knows that he was not: he is not told to be uncharged."""
    await allow(database, credit=0)
    await ready_task(database, handler, 20)
    (mine,) = await claim(database, OWNER)
    mine.resent = BitMap([3])
    recorder = OutcomeRecorder(DeliveryLog(database), mine, OWNER, ACCOUNT_ID)
    rows = await database.fetch(STATEMENTS["recipients_of_batch"], 1, list(mine.ordinals), 1)

    assert await charge_batch(database, recorder, mine, OWNER, TASK, rows, Instant(CONTEXT.date)) == []
    assert await recorder.conclude([], asyncio.Event())
    assert await recorded(database) == {Kind.HELD: BitMap([3]), Kind.UNCHARGED: mine.ordinals - BitMap([3])}


async def test_without_a_meter_nothing_of_it_is_asked(
    database: Database, owner: Database, handler: Handler, tmp_path: Path
) -> None:
    """Nor for whoever fails: there is not even a table of charges to look into."""
    await ready_task(database, handler, 20)
    await owner.execute("DROP TABLE charge")
    async with (
        FakeRelay(replying(7, b"451 4.2.1 later\r\n")) as relay,
        dispatching(database, relay.port, tmp_path, retry_seconds="0.05"),
    ):
        sets = await settled(database, 20)

    assert sets[Kind.FAILED] == BitMap([7])
    assert sets[Kind.SUBMITTED] == BitMap(range(20)) - BitMap([7])
