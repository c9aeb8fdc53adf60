"""Once a task has expired nobody is sent to any more: whoever is left ends cancelled, and that is its end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from services.dispatcher.sending.keep_leases import LeaseKeeper
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, ordinal_of, recorded, settled
from tests.integration.dispatcher.test_claims import OTHER, OWNER, claim, ready_task
from tests.integration.dispatcher.test_pausing import put, slow
from tests.sinks.fake_relay import Action, FakeRelay, Say, Step


async def expire(database: Database, seconds: float = 0.0) -> None:
    """In so many seconds: the API takes no expiry that is past."""
    past = f"now() + {seconds} * interval '1 second'"
    await database.execute(f"UPDATE task SET expires = {past}")
    await database.execute(f"UPDATE sending SET expires = {past}")


async def reasons(database: Database, kind: Kind) -> set[str]:
    rows = await database.fetch("SELECT hits FROM segment WHERE kind = $1", kind)
    return {note for row in rows for note in decode_hits(row["hits"]).notes}


async def test_it_stops_mid_batch_within_a_second(database: Database, handler: Handler, tmp_path: Path) -> None:
    """No MAIL later than a second after that time by the clock of the database; everybody has one state, and why."""
    mails: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "mail":
            mails.append(clock.now())
        return slow(step)

    await post_task(database, 5_000)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) > 100)
        expires = Instant(clock.now() + 0.5)
        await put(handler, expires=expires)
        sets = await settled(database, 5_000)

    assert max(mails) < expires + 1.0
    assert sets[Kind.SUBMITTED] == BitMap(ordinal_of(taken.message_id) for taken in relay.ledger)
    assert sets[Kind.CANCELLED] == BitMap(range(5_000)) - sets[Kind.SUBMITTED]
    assert len(sets[Kind.CANCELLED]) > 1_000
    assert await reasons(database, Kind.CANCELLED) == {"expired"}


@pytest.mark.parametrize("waits_for", ["another attempt", "its turn", "a resume", "its window"])
async def test_it_reaches_those_who_wait(database: Database, handler: Handler, tmp_path: Path, waits_for: str) -> None:
    """Whatever for, and for however long."""
    later = lambda step: Say(b"451 4.7.1 later\r\n") if step.stage == "rcpt" else None  # noqa: E731 - a script
    await ready_task(database, handler, 40, rate=10 if waits_for == "its turn" else None)
    if waits_for == "a resume":
        await put(handler, paused=True)
    if waits_for == "its window":
        await put(handler, send_window=shut_window(clock.now()))
    async with FakeRelay(later) as relay, dispatching(database, relay.port, tmp_path):
        async with asyncio.timeout(10):
            while not await database.fetch_value(
                "SELECT count(*) FROM batch WHERE attempt = 2 OR due_at > now() + interval '1 day'"
            ):
                await asyncio.sleep(0.02)
        await expire(database)
        sets = await settled(database, 40)

    assert sets[Kind.CANCELLED] == BitMap(range(40))
    assert await reasons(database, Kind.CANCELLED) == {"expired"}


def shut_window(now: float) -> Any:
    """A window on a day that is not today nor near it."""
    days = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"]  # the epoch was a Thursday
    return {"from": "10:00", "to": "11:00", "timezone": "UTC", "days": [days[(int(now // 86_400) + 3) % 7]]}


@pytest.mark.parametrize("paused", [True, False])
async def test_one_that_expires_before_it_starts_is_sent_to_nobody(
    database: Database, handler: Handler, tmp_path: Path, paused: bool
) -> None:
    """Its audience is written down all the same, and comes to its end; also of one that is paused."""
    await post_task(database, 30)
    await put(handler, paused=paused, expires=Instant(clock.now() + 0.2))
    async with asyncio.timeout(10):
        while not await database.fetch_value("SELECT expires <= clock_timestamp() FROM task"):
            await asyncio.sleep(0.02)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 30)

    assert sets == {Kind.CANCELLED: BitMap(range(30))}
    assert relay.ledger == []


async def test_whoever_may_have_been_sent_to_is_held(database: Database, handler: Handler, tmp_path: Path) -> None:
    """A dead process left a dot without a reply: nobody knows, and nothing is sent to find out."""
    await ready_task(database, handler, 20)
    await database.execute("UPDATE batch SET owner = 77, epoch = 1, leased_until = 'infinity'")
    journal = Journal(tmp_path, 77)
    for mark, ordinal in ((Mark.DOT, 1), (Mark.ACCEPTED, 1), (Mark.DOT, 3)):
        journal.write(Record(mark, 1, 0, 1, ordinal, 1_000, 250, "said so"))
    journal.close()
    await expire(database)

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert (sets[Kind.SUBMITTED], sets[Kind.HELD]) == (BitMap([1]), BitMap([3]))
    assert sets[Kind.CANCELLED] == BitMap(range(20)) - BitMap([1, 3])
    assert copies(relay) == {}


async def test_a_later_expiry_lets_it_go_on(database: Database, handler: Handler, tmp_path: Path) -> None:
    """By the one that is in force, not by the one it began with; and none is none."""
    await ready_task(database, handler, 20)
    await put(handler, expires=Instant(clock.now() + 60))
    await put(handler, expires=None)

    (held,) = await claim(database, OWNER)
    assert await database.fetch_value("SELECT expires = 'infinity' FROM sending")
    assert held.halt is None


async def test_an_expiry_reaches_whoever_holds_a_batch(database: Database, handler: Handler) -> None:
    """What is claimed after it is claimed to be ended."""
    await ready_task(database, handler, 40)
    (held, *_) = await claim(database, OWNER, 1)
    keeper = LeaseKeeper(database, OWNER, lambda: 0.0)
    keeper.hold(held)
    await expire(database)
    await keeper.look()
    (later,) = await claim(database, OTHER)

    assert (held.halt, later.halt) == ("expired", "expired")
    assert not held.may_start(0.0)
    assert not held.may_finish(0.0)


async def test_what_has_not_expired_starts_when_it_is_due(database: Database, handler: Handler) -> None:
    """An expiry ahead is no reason to start."""
    await post_task(database, 5)
    await put(handler, paused=True, expires=Instant(clock.now() + 600))

    assert await start_due_tasks(database, handler) == 0
    assert await recorded(database) == {}
