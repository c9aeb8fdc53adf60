"""What is charged at hand-over, for whom, and what is given back."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pyroaring import BitMap

from shared.delivery_log.append import Entry, append_in
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.domain.ledger import Charged, Refunded
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.ledger.balances import lock_ledger
from shared.ledger.charges import Refund, charge_in
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.charging import ACCOUNT_ID, allow, charged, history_of
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, settled
from tests.integration.dispatcher.test_claims import claim, ready_task
from tests.integration.dispatcher.test_reasons import notes
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step

FAST = {"retry_seconds": "0.05,0.05"}


def replying(ordinal: int, reply: bytes, times: int = 1_000) -> Callable[[Step], Action | None]:
    """A relay that says so to one recipient, so often, and takes everybody else."""
    said: list[bytes] = []

    def script(step: Step) -> Action | None:
        if step.stage == "rcpt" and f"person-1-{ordinal}@".encode() in step.argument and len(said) < times:
            said.append(reply)
            return Say(reply)
        return None

    return script


async def test_the_lowest_ordinals_are_paid_for_and_the_others_end_uncharged(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Credit, quota and overage together; the rest is told why, and nothing of it goes out."""
    await allow(database, credit=5, quota=4, overage=3)
    await ready_task(database, handler, 20)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.SUBMITTED] == BitMap(range(12))
    assert sets[Kind.UNCHARGED] == BitMap(range(12, 20))
    assert copies(relay) == Counter(range(12))
    assert set((await notes(database, Kind.UNCHARGED)).values()) == {"no credit left"}
    assert await charged(database) == 12
    assert [type(event) for event in (await history_of(database))[1:]] == [Charged], "one event a batch"


async def test_an_account_that_is_not_metered_has_no_ledger(database: Database, tmp_path: Path) -> None:
    await post_task(database, 40)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 40)

    assert Kind.UNCHARGED not in sets
    assert await history_of(database) == []
    assert await database.fetch_value("SELECT count(*) FROM balance") == 0
    assert await charged(database) == 0


async def test_one_that_was_metered_once_sends_on_free(database: Database, tmp_path: Path) -> None:
    await allow(database, credit=0)
    await allow(database, credit=None)
    await post_task(database, 40)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 40)

    assert sets[Kind.SUBMITTED] == BitMap(range(40))
    assert await charged(database) == 0


async def test_the_last_credit_is_spent_once_by_many_tasks_and_dispatchers(database: Database, tmp_path: Path) -> None:
    """Twelve tasks of 120 and three dispatchers want 1,440; 1,001 are there, and exactly so many go out."""
    await allow(database, credit=700, quota=300, overage=1)
    for number in range(1, 13):
        await post_task(database, 120, number=number)
    async with (
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path / "one"),
        dispatching(database, relay.port, tmp_path / "two"),
        dispatching(database, relay.port, tmp_path / "three"),
    ):
        sets = [await settled(database, 120, number, 60) for number in range(1, 13)]

    assert sum(len(each.get(Kind.SUBMITTED, BitMap())) for each in sets) == 1_001
    assert sum(len(each.get(Kind.UNCHARGED, BitMap())) for each in sets) == 439
    assert len(relay.ledger) == 1_001
    assert await charged(database) == 1_001


async def test_a_retry_is_free_also_when_nothing_is_left(database: Database, handler: Handler, tmp_path: Path) -> None:
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    script = replying(7, b"451 4.2.1 later\r\n", 1)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, **FAST):
        sets = await settled(database, 20)

    assert sets[Kind.DEFERRED] == BitMap([7])
    assert sets[Kind.SUBMITTED] == BitMap(range(20))
    assert await charged(database) == 20


async def test_whose_retries_come_to_an_end_gets_it_back(database: Database, handler: Handler, tmp_path: Path) -> None:
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    script = replying(7, b"451 4.2.1 later\r\n")
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, **FAST):
        sets = await settled(database, 20)

    assert sets[Kind.FAILED] == BitMap([7])
    assert await charged(database) == 19
    refund = (await history_of(database))[-1]
    assert isinstance(refund, Refunded)
    assert (refund.task_id, refund.recipients, refund.units) == (1, 1, 1)


async def test_a_bounce_stays_charged(database: Database, handler: Handler, tmp_path: Path) -> None:
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    script = replying(7, b"550 5.1.1 nobody\r\n")
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.BOUNCED] == BitMap([7])
    assert await charged(database) == 20


async def test_what_a_cancel_stops_is_given_back(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Charged is exactly who was sent to."""
    await allow(database, credit=5_000)
    await post_task(database, 4_000)
    slow = lambda step: After(0.005, Say(b"250 ok\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(slow) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) > 100)
        done = await handler.handle(TASKS, "task-1", ChangeTask(frozenset({"cancelled"}), cancelled=True), Actor(1, 1))
        assert isinstance(done, Done)
        sets = await settled(database, 4_000)

    assert sets[Kind.CANCELLED]
    assert any(isinstance(event, Refunded) for event in await history_of(database))
    assert await charged(database) == len(sets[Kind.SUBMITTED]) == len(relay.ledger)


async def test_who_leaves_before_the_retry_gets_it_back(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Charged at the first attempt, suppressed at the second."""
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    script = replying(7, b"451 4.2.1 later\r\n")
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds="3600"):
        await eventually(lambda: len(relay.ledger) == 19)
        async with asyncio.timeout(20):
            while not await database.fetch_value("SELECT count(*) FROM batch WHERE attempt = 2"):
                await asyncio.sleep(0.02)
        assert await charged(database) == 20
        await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 10000007")
        await database.execute("UPDATE batch SET due_at = now() WHERE NOT done")
        sets = await settled(database, 20)

    assert sets[Kind.SUPPRESSED] == BitMap([7])
    assert await charged(database) == 19


async def test_killed_between_charge_and_send_nobody_pays_twice(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The charge stays with task and ordinal; the next process sends what is paid for, though nothing is left."""
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    (held,) = await claim(database, 77)
    await pay(database, held.ordinals)
    (tmp_path / "77.journal").touch()

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.SUBMITTED] == BitMap(range(20))
    assert Kind.RESENT not in sets
    assert await charged(database) == 20


async def test_a_task_cancelled_after_the_kill_gives_back_what_the_dead_one_charged(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The replay of its journal settles it, and nobody was sent to."""
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    (held,) = await claim(database, 77)
    await pay(database, held.ordinals)
    (tmp_path / "77.journal").touch()
    await handler.handle(TASKS, "task-1", ChangeTask(frozenset({"cancelled"}), cancelled=True), Actor(1, 1))

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.CANCELLED] == BitMap(range(20))
    assert await charged(database) == 0


async def test_a_refund_that_is_repeated_gives_nothing_twice(database: Database, handler: Handler) -> None:
    """As when the answer to a commit was lost and it is stored again."""
    await allow(database, credit=20)
    await ready_task(database, handler, 20)
    await pay(database, BitMap(range(20)))
    refund = Refund(ACCOUNT_ID, 1, 0, BitMap([1, 2]), handler.now())
    for _ in range(2):
        async with database.transaction() as connection:
            await append_in(connection, [Entry([], [], [refund])])

    assert await charged(database) == 18


async def pay(database: Database, ordinals: BitMap) -> None:
    """What a dispatcher does before it sends."""
    async with database.transaction() as connection:
        locked = await lock_ledger(connection, ACCOUNT_ID)
        assert locked is not None
        assert not await charge_in(locked, 1, 0, dict.fromkeys(ordinals, 1), Instant(1_000.0))
