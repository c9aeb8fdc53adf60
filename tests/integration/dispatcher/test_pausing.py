"""A task that is paused rests within a second, and resumed it goes on with exactly those who were left."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from shared.domain.delivery import Kind
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, ordinal_of, recorded, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step

SLOWLY = After(0.01, Say(b"250 ok\r\n"))


async def put(handler: Handler, **wanted: Any) -> None:
    change = ChangeTask(frozenset(wanted), **wanted)
    assert isinstance(await handler.handle(TASKS, "task-1", change, Actor(1, 1)), Done)


def slow(step: Step) -> Action | None:
    return SLOWLY if step.stage == "dot" else None


async def all_given_back(database: Database) -> None:
    async with asyncio.timeout(10):
        while await database.fetch_value("SELECT count(*) FROM batch WHERE owner IS NOT NULL"):
            await asyncio.sleep(0.02)


async def test_a_pause_stops_mid_batch_and_a_resume_sends_exactly_the_rest(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """No MAIL later than a second after the pause, nobody in doubt, nobody twice, and in the end all have theirs."""
    loop = asyncio.get_running_loop()
    mails: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "mail":
            mails.append(loop.time())
        return slow(step)

    await post_task(database, 3_000)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) > 100)
        await put(handler, paused=True)
        paused_at = loop.time()
        await all_given_back(database)
        so_far, mailed = await recorded(database), max(mails)
        assert mailed < paused_at + 1.0
        assert so_far[Kind.SUBMITTED] == BitMap(ordinal_of(taken.message_id) for taken in relay.ledger)
        assert 100 < len(so_far[Kind.SUBMITTED]) < 3_000
        await put(handler, paused=False)
        sets = await settled(database, 3_000)
        assert min(at for at in mails if at > mailed) > paused_at

    assert sets == {Kind.SUBMITTED: BitMap(range(3_000)), Kind.DELIVERED: BitMap(range(3_000))}
    assert copies(relay) == Counter(range(3_000))


async def test_a_pause_costs_no_attempt(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Who goes back is of the attempt he was of."""
    await post_task(database, 1_000)
    async with FakeRelay(slow) as relay, dispatching(database, relay.port, tmp_path, retry_seconds=""):
        await eventually(lambda: len(relay.ledger) > 20)
        await put(handler, paused=True)
        await all_given_back(database)

    left = await database.fetch("SELECT ordinals, attempt FROM batch WHERE NOT done")
    assert {row["attempt"] for row in left} == {1}
    rest = BitMap().union(*(BitMap.deserialize(row["ordinals"]) for row in left))
    assert rest == BitMap(range(1_000)) - (await recorded(database))[Kind.SUBMITTED]


async def test_a_message_past_its_dot_is_waited_for_and_the_next_one_not_begun(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The relay thinks for longer than a pause takes: its yes still counts."""
    thinking = asyncio.Event()

    def script(step: Step) -> Action | None:
        if step.stage == "dot" and not thinking.is_set():
            thinking.set()
            return After(1.2, Say(b"250 ok\r\n"))
        return None

    await post_task(database, 20)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await asyncio.wait_for(thinking.wait(), 10)
        await put(handler, paused=True)
        await all_given_back(database)

    assert len(relay.ledger) == 1
    assert await recorded(database) == {Kind.SUBMITTED: BitMap([0]), Kind.DELIVERED: BitMap([0])}


async def test_a_pause_survives_a_restart(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Another dispatcher finds it paused, and sends the rest once it is resumed."""
    await post_task(database, 1_000)
    async with FakeRelay(slow) as relay:
        async with dispatching(database, relay.port, tmp_path):
            await eventually(lambda: len(relay.ledger) > 20)
            await put(handler, paused=True)
        taken = sent_of_it(relay)
        async with dispatching(database, relay.port, tmp_path):
            await everything_looked_at(database)
            assert sent_of_it(relay) == taken
            await put(handler, paused=False)
            sets = await settled(database, 1_000)

    assert set(sets) == {Kind.SUBMITTED, Kind.DELIVERED}
    assert sent_of_it(relay) == Counter(range(1_000))


async def everything_looked_at(database: Database) -> None:
    """A task posted now goes through from start to end: what was due before it would have been claimed before it."""
    await post_task(database, 20, number=2)
    await settled(database, 20, task_id=2)


def sent_of_it(relay: FakeRelay) -> Counter[int]:
    """As ``copies``, of the paused task alone."""
    return Counter(ordinal_of(taken.message_id) for taken in relay.ledger if b"person-1-" in taken.recipients[0])


async def test_what_a_dead_process_held_of_a_paused_task_waits_for_the_resume(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Its journal is replayed at once: who was answered is stored, and nobody else is sent to before the resume."""
    await ready_task(database, handler, 20)
    dead = 77
    await database.execute("UPDATE batch SET owner = $1, epoch = 1, leased_until = 'infinity'", dead)
    journal = Journal(tmp_path, dead)
    for mark, ordinal in ((Mark.DOT, 1), (Mark.ACCEPTED, 1), (Mark.DOT, 3)):
        journal.write(Record(mark, 1, 0, 1, ordinal, 1_000, 250, "said so"))
    journal.close()
    await put(handler, paused=True)

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await everything_looked_at(database)
        before = await recorded(database)
        assert (before[Kind.SUBMITTED], before[Kind.RESENT]) == (BitMap([1]), BitMap([3]))
        assert sent_of_it(relay) == Counter()
        await put(handler, paused=False)
        sets = await settled(database, 20)

    assert sets[Kind.SUBMITTED] == BitMap(range(20))


async def test_a_cancel_of_a_paused_task_works_at_once(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Every recipient who waits becomes cancelled, also one who waits for another attempt."""
    later = lambda step: Say(b"451 4.7.1 later\r\n") if step.stage == "rcpt" and step.message < 9 else slow(step)  # noqa: E731 - a script
    await post_task(database, 1_000)
    async with FakeRelay(later) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) > 20)
        await put(handler, paused=True)
        await all_given_back(database)
        await everything_put_off(database)
        await put(handler, cancelled=True)
        sets = await settled(database, 1_000)

    assert sets[Kind.CANCELLED] == BitMap(range(1_000)) - sets[Kind.SUBMITTED]
    assert sets[Kind.DEFERRED] <= sets[Kind.CANCELLED]
    assert set(copies(relay)) == set(sets[Kind.SUBMITTED])


async def everything_put_off(database: Database) -> None:
    async with asyncio.timeout(10):
        while await database.fetch_value(
            "SELECT count(*) FROM batch WHERE task_id = 1 AND NOT done AND due_at < now() + interval '1 day'"
        ):
            await asyncio.sleep(0.02)


async def test_paused_and_resumed_again_and_again_everybody_gets_one(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """By two dispatchers, whatever moment it meets; whoever was refused for now keeps his place."""
    refused: Counter[bytes] = Counter()

    def script(step: Step) -> Action | None:
        if step.stage == "rcpt" and b"7@" in step.argument:
            refused[step.argument] += 1
            return Say(b"451 4.7.1 later\r\n") if refused[step.argument] == 1 else None
        return After(0.002, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    await post_task(database, 2_000)
    fast = {"retry_seconds": "0.05,0.05"}
    async with (
        FakeRelay(script) as relay,
        dispatching(database, relay.port, tmp_path / "one", **fast),
        dispatching(database, relay.port, tmp_path / "two", **fast),
    ):
        for few in range(50, 1_000, 150):
            await eventually(partial(lambda few: len(relay.ledger) > few, few))
            await put(handler, paused=True)
            await asyncio.sleep(0)
            await put(handler, paused=False)
        sets = await settled(database, 2_000)

    assert sets[Kind.SUBMITTED] == BitMap(range(2_000))
    assert Kind.RESENT not in sets
    assert copies(relay) == Counter(range(2_000))


async def test_a_relay_that_hangs_before_the_dot_holds_up_no_pause(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """It answers to DATA long after: that message goes back with the rest."""
    answering = asyncio.Event()

    def script(step: Step) -> Action | None:
        if step.stage == "data":
            answering.set()
            return After(1.0, Say(b"354 go on\r\n"))
        return None

    await post_task(database, 20)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await asyncio.wait_for(answering.wait(), 10)
        await put(handler, paused=True)
        await all_given_back(database)

    assert (relay.ledger, await recorded(database)) == ([], {})
