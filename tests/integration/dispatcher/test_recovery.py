"""What a dispatcher finds when another one has stopped, died or is at work beside it."""

import asyncio
from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.sinks.fake_relay import After, FakeRelay, Hang, Say


async def test_an_orderly_stop_leaves_no_doubt(database: Database, tmp_path: Path) -> None:
    """Messages past their dot are waited for; the next dispatcher sends exactly the others."""
    await post_task(database, 1_000)
    slow = lambda step: After(0.005, Say(b"250 ok\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(slow) as relay:
        async with dispatching(database, relay.port, tmp_path):
            await eventually(lambda: len(relay.ledger) > 50)
        assert 50 < len(relay.ledger) < 1_000
        async with dispatching(database, relay.port, tmp_path):
            sets = await settled(database, 1_000)

    assert set(sets) == {Kind.SUBMITTED, Kind.DELIVERED}
    assert copies(relay) == Counter(range(1_000))


async def test_a_dead_process_s_journal_says_who_was_answered_and_who_is_in_doubt(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Its batch goes on at once, without waiting for the lease: nobody else of it was sent to."""
    await ready_task(database, handler, 20)
    dead = 77
    await database.execute(
        "UPDATE batch SET owner = $1, epoch = 1, leased_until = clock_timestamp() + interval '1 hour'", dead
    )
    journal = Journal(tmp_path, dead)
    for mark, ordinal in ((Mark.DOT, 1), (Mark.ACCEPTED, 1), (Mark.DOT, 2), (Mark.REFUSED, 2), (Mark.DOT, 3)):
        journal.write(Record(mark, 1, 0, 1, ordinal, 1_000, 250, "said so"))
    journal.close(settled=False)

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.BOUNCED] == BitMap([2])
    assert sets[Kind.RESENT] == BitMap([3])
    assert copies(relay) == Counter(set(range(20)) - {1, 2})
    assert sets[Kind.SUBMITTED] == BitMap(range(20)) - BitMap([2])


async def test_without_a_journal_all_without_a_stored_outcome_are_in_doubt(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Another machine takes over when the lease has run out."""
    await ready_task(database, handler, 20)
    await database.execute("UPDATE batch SET owner = 77, epoch = 1, leased_until = '-infinity'")

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.RESENT] == sets[Kind.SUBMITTED] == BitMap(range(20))
    assert copies(relay) == Counter(range(20))


async def test_two_dispatchers_share_a_task(database: Database, tmp_path: Path) -> None:
    await post_task(database, 2_000)
    async with (
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path / "one"),
        dispatching(database, relay.port, tmp_path / "two"),
    ):
        await settled(database, 2_000)

    assert copies(relay) == Counter(range(2_000))


async def test_a_hung_relay_keeps_its_batch_s_lease(database: Database, tmp_path: Path) -> None:
    """While a reply to the dot is awaited the lease is renewed, so nobody else sends it again."""
    await post_task(database, 20)
    hanging = lambda step: Hang() if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(hanging) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await eventually(lambda: relay.messages >= 1)
        before = await database.fetch_value("SELECT max(leased_until) FROM batch WHERE owner IS NOT NULL")
        async with asyncio.timeout(10):
            while before == await database.fetch_value("SELECT max(leased_until) FROM batch WHERE owner IS NOT NULL"):
                await asyncio.sleep(0.1)
        assert relay.ledger == [] or len(copies(relay)) == 1


async def test_a_message_that_cannot_be_prepared_puts_nobody_in_doubt(
    database: Database, owner: Database, handler: Handler, tmp_path: Path
) -> None:
    """The batch is given back untouched; once the message can be prepared, everybody gets one."""
    await ready_task(database, handler, 20)
    edit = "UPDATE message_version SET content = content || jsonb_build_object('from_email', $1::text)"
    async with FakeRelay() as relay:
        await owner.execute(edit, "not an address")
        async with dispatching(database, relay.port, tmp_path):
            async with asyncio.timeout(10):
                while not await database.fetch_value("SELECT count(*) FROM batch WHERE epoch > 0 AND owner IS NULL"):
                    await asyncio.sleep(0.02)
        await owner.execute(edit, "tests@sender.example")
        async with dispatching(database, relay.port, tmp_path):
            sets = await settled(database, 20)

    assert sets == {Kind.SUBMITTED: BitMap(range(20)), Kind.DELIVERED: BitMap(range(20))}
