"""No task keeps the others from being sent."""

import asyncio
from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import dispatching, eventually, recorded, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step


async def test_a_task_of_a_channel_that_cannot_be_sent_waits_and_holds_up_nobody(
    database: Database, tmp_path: Path
) -> None:
    await post_task(database, 10, number=1, channel="sms")
    await post_task(database, 100, number=2)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        sets = await settled(database, 100, task_id=2)

    assert sets[Kind.SUBMITTED] == BitMap(range(100))
    assert not await database.fetch_value("SELECT started FROM task WHERE id = 1")


async def test_a_task_with_a_rate_is_sent_beside_a_large_one(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The large one is far from its end when the other is through."""

    def slow(step: Step) -> Action | None:
        return After(0.01, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    await ready_task(database, handler, 20_000, number=1)
    await ready_task(database, handler, 50, number=2, rate=3_600_000)
    async with FakeRelay(slow) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="2"):
        await settled(database, 50, task_id=2, seconds=30)

        assert len((await recorded(database, 1)).get(Kind.SUBMITTED, ())) < 15_000


async def test_a_slow_greeting_does_not_save_up_what_a_rate_granted(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """What was granted a second ago is gone: those that waited for a greeting do not begin together."""
    loop = asyncio.get_running_loop()
    mails: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "mail":
            mails.append(loop.time())
        late = step.stage == "connect" and step.connection <= 4
        return After(3.0, Say(b"220 at last\r\n")) if late else None

    await ready_task(database, handler, 50, rate=3_600)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="4"):
        await eventually(lambda: len(mails) >= 3, seconds=30)

    crowded = Counter(sum(1 for other in mails if 0 <= other - mail < 1.0) for mail in mails)
    assert max(crowded) <= 3, "in a window of one second: rate * (1 + 1) / 3600 + 1"


async def test_a_rate_is_kept_up_beside_batches_that_take_minutes(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """One a second is sent by the one connection that a large task keeps busy; that goes on, where it had come to."""
    turns = "SELECT number, due_at FROM batch WHERE task_id = 1 AND NOT done"

    def slow(step: Step) -> Action | None:
        return After(0.2, Say(b"250 ok\r\n")) if step.stage == "dot" and b"person-1-" in step.argument else None

    await ready_task(database, handler, 1_000, number=1)
    await ready_task(database, handler, 8, number=2, rate=3_600)
    before = await database.fetch(turns)
    async with FakeRelay(slow) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await settled(database, 8, task_id=2, seconds=40)
        sent = Counter(taken.recipients[0].split(b"-")[1] for taken in relay.ledger)

        assert sent[b"2"] == 8
        assert 8 < sent[b"1"] < 500
        assert set(await database.fetch(turns)) < set(before), "whoever makes way does not go to the end of the queue"


async def test_a_rate_that_takes_every_moment_leaves_the_others_their_turn(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    def slow(step: Step) -> Action | None:
        return After(0.01, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    await ready_task(database, handler, 20_000, number=1, rate=10_000_000)
    await ready_task(database, handler, 50, number=2)
    async with FakeRelay(slow) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await settled(database, 50, task_id=2, seconds=60)

        assert len((await recorded(database, 1)).get(Kind.SUBMITTED, ())) < 15_000


async def test_a_small_task_does_not_wait_until_a_large_one_is_sent(database: Database, handler: Handler) -> None:
    """Its place is among the first of the large one, which was there before it; and all are due."""
    await ready_task(database, handler, 100_000, number=1)
    await ready_task(database, handler, 10, number=2)

    rows = await database.fetch("SELECT task_id, due_at <= now() AS due FROM batch ORDER BY due_at, task_id, number")

    assert {row["due"] for row in rows} == {True}
    places = [place for place, row in enumerate(rows) if row["task_id"] == 2]
    assert max(places) < len(rows) / 2


async def test_the_accounts_take_turns(database: Database) -> None:
    """The one task of an account does not wait for the many of another, which were due before it."""
    for number in range(1, 6):
        await post_task(database, 0, number=number)
    await database.execute("UPDATE task SET account_id = 2 WHERE id = 5")

    due = await database.fetch(STATEMENTS["due_tasks"], 2, ["email"], False)

    assert sorted(row["id"] for row in due) == [1, 5]


async def test_an_audience_that_takes_long_to_freeze_holds_up_no_other(database: Database, tmp_path: Path) -> None:
    await post_task(database, 10, number=1)
    await post_task(database, 10, number=2)
    async with FakeRelay() as relay, database.transaction() as other:
        await other.execute("INSERT INTO contact_record VALUES (0, 1, 0, 1, 'in the way of the freeze')")
        async with dispatching(database, relay.port, tmp_path):
            await settled(database, 10, task_id=2)
            assert not await database.fetch_value("SELECT frozen FROM sending WHERE task_id = 1")
            await other.execute("DELETE FROM contact_record WHERE task_id = 1")
