"""What a dispatcher finds when another one has stopped, died or is at work beside it."""

import asyncio
from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from shared.delivery_log.append import Entry, append_in
from shared.delivery_log.segments import Hits, by_kind
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, settled
from tests.integration.dispatcher.test_claims import claim, expire_leases, ready_task
from tests.servers.tcp_proxy import TcpProxy
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
    journal.close()

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


async def test_a_takeover_that_was_not_settled_is_still_one_for_who_replays_the_journal(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Killed between the claim and the first look at it: the journal is empty, but not all were certainly not sent."""
    await ready_task(database, handler, 20)
    await claim(database, 77)
    await expire_leases(database)
    (taken,) = await claim(database, 78)
    assert taken.taken_over
    (tmp_path / "78.journal").touch()

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.RESENT] == BitMap(range(20))


async def test_a_replay_loses_nothing_to_a_commit_still_under_way(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The last words of the dead process may be stored after its journal was read; they do not take its place."""
    await ready_task(database, handler, 20)
    (held,) = await claim(database, 77)
    journal = Journal(tmp_path, 77)
    for ordinal in range(6):
        for mark in (Mark.DOT, Mark.ACCEPTED):
            journal.write(Record(mark, 1, held.hold.batch, held.hold.epoch, ordinal, 1_000))
    journal.close()
    stored = [(kind, Hits.at_once(range(3), 1_000)) for kind in (Kind.SUBMITTED, Kind.DELIVERED)]

    async with FakeRelay() as relay, database.transaction() as dying:
        await append_in(dying, [Entry(by_kind(1, held.hold.batch, held.hold.epoch, 0, stored))])
        async with dispatching(database, relay.port, tmp_path):
            await eventually(lambda: len(relay.ledger) == 14)
    sets = await settled(database, 20)

    assert sets[Kind.SUBMITTED] == BitMap(range(20))
    assert copies(relay) == Counter(range(6, 20))


async def test_what_postgres_was_not_told_before_the_end_stays_in_the_journal(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """A process that is stopped while Postgres is away leaves what it knows to the next one."""
    await post_task(database, 20)
    slow = lambda step: After(0.3, Say(b"250 ok\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(slow) as relay, TcpProxy(database_url) as proxy:
        through = await Database.connect(proxy.url)
        async with dispatching(through, relay.port, tmp_path, smtp_connections="1"):
            await eventually(lambda: relay.messages >= 1)
            await proxy.shut()
        await through.close()
        assert relay.ledger
        async with dispatching(database, relay.port, tmp_path):
            sets = await settled(database, 20)

    assert Kind.RESENT not in sets
    assert copies(relay) == Counter(range(20))


async def test_nothing_is_begun_while_postgres_does_not_answer(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Also when no connection breaks: what cannot be recorded within a second is not sent."""
    await post_task(database, 6_400)
    slow = lambda step: After(0.05, Say(b"250 ok\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(slow) as relay, TcpProxy(database_url) as proxy:
        through = await Database.connect(proxy.url)
        async with dispatching(through, relay.port, tmp_path, smtp_connections="1"):
            await eventually(lambda: len(relay.ledger) >= 5)
            with proxy.frozen():
                last, messages = -1, relay.messages
                async with asyncio.timeout(8):
                    while last != messages:
                        last = messages
                        await asyncio.sleep(1)
                        messages = relay.messages
                assert messages < 100, "the batch was sent to its end"
        await through.close()


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
