"""What becomes of recipients when the relay takes, refuses, delays, hangs up or says nothing."""

import asyncio
import os
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.dispatcher.sending import send_batch
from shared.domain.delivery import Kind
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, ordinal_of, recorded, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.sinks.fake_relay import DROP, Action, After, End, FakeRelay, Say, Step

FAST = {"retry_seconds": "0.05,0.05"}


def is_for(step: Step, number: int) -> bool:
    """Whether a RCPT command or a content is for this person."""
    return f"person-1-{number}@".encode() in step.argument


async def test_everybody_gets_one_personal_message(database: Database, tmp_path: Path) -> None:
    await post_task(database, 300)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 300)

    assert sets[Kind.SUBMITTED] == sets[Kind.DELIVERED] == BitMap(range(300))
    assert copies(relay) == Counter(range(300))
    assert sorted(relay.recipients()) == sorted(f"person-1-{n}@example.com" for n in range(300))
    assert all(f"Person {ordinal_of(taken.message_id)}".encode() in taken.content for taken in relay.ledger)
    assert list(tmp_path.rglob("*.journal")) == [], "after an orderly end no journal is left"
    assert list(tmp_path.rglob("*.replies")) == [], "nor are replies"


async def test_with_dsn_as_proof_a_250_is_not_yet_delivered(database: Database, tmp_path: Path) -> None:
    await post_task(database, 10)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, email_delivered="dsn"):
        sets = await settled(database, 10)

    assert Kind.DELIVERED not in sets


async def test_a_5xx_for_one_recipient_bounces_him_alone(database: Database, tmp_path: Path) -> None:
    def script(step: Step) -> Action | None:
        refused = step.stage == "rcpt" and is_for(step, 7)
        return Say(b"550 5.1.1 no such user\r\n") if refused else None

    await post_task(database, 40)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 40)

    assert sets[Kind.BOUNCED] == BitMap([7])
    assert sets[Kind.SUBMITTED] == BitMap(range(40)) - BitMap([7])


async def test_a_4xx_is_tried_again_and_then_taken(database: Database, tmp_path: Path) -> None:
    """Byte for byte the same headers: a greylisting server knows it again."""
    seen: Counter[bytes] = Counter()

    def script(step: Step) -> Action | None:
        if step.stage == "rcpt" and is_for(step, 3):
            seen[step.argument] += 1
            return Say(b"451 4.7.1 later\r\n") if seen[step.argument] < 3 else None
        return None

    await post_task(database, 20)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, **FAST):
        sets = await settled(database, 20)

    assert sets[Kind.DEFERRED] == BitMap([3])
    assert sets[Kind.SUBMITTED] == BitMap(range(20))
    assert copies(relay) == Counter(range(20))
    senders = {command for command in relay.commands if command.startswith(b"MAIL")}
    assert len(senders) == 20, "the envelope sender of an attempt is that of the first"


async def test_retries_come_to_an_end(database: Database, tmp_path: Path) -> None:
    def script(step: Step) -> Action | None:
        deferred = step.stage == "dot" and is_for(step, 3)
        return Say(b"452 4.2.2 mailbox full\r\n") if deferred else None

    await post_task(database, 20)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, **FAST):
        sets = await settled(database, 20)

    assert sets[Kind.FAILED] == BitMap([3])
    assert Kind.BOUNCED not in sets


async def test_421_costs_a_connection_and_no_attempt(database: Database, tmp_path: Path) -> None:
    def script(step: Step) -> Action | None:
        return Say(b"421 4.7.0 that was enough\r\n") if step.stage == "mail" and step.message % 7 == 0 else None

    await post_task(database, 100)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds=""):
        sets = await settled(database, 100)

    assert sets == {Kind.SUBMITTED: BitMap(range(100)), Kind.DELIVERED: BitMap(range(100))}
    assert copies(relay) == Counter(range(100))


async def test_a_connection_that_ends_before_the_dot_costs_nobody_anything(database: Database, tmp_path: Path) -> None:
    def script(step: Step) -> Action | None:
        return DROP if step.stage == "data" and step.message % 9 == 0 else None

    await post_task(database, 100)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds=""):
        sets = await settled(database, 100)

    assert sets[Kind.SUBMITTED] == BitMap(range(100))
    assert Kind.RESENT not in sets
    assert copies(relay) == Counter(range(100))


@pytest.mark.parametrize("took", [True, False])
async def test_no_reply_to_the_dot_is_doubt_and_is_resent_once(database: Database, tmp_path: Path, took: bool) -> None:
    """Whether the relay took it nobody can know; both ways nobody is missing and the doubled one is listed."""
    dropped: list[int] = []

    def script(step: Step) -> Action | None:
        if step.stage == "dot" and is_for(step, 5) and not dropped:
            dropped.append(5)
            return End(took=took)
        return None

    await post_task(database, 30)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.RESENT] == BitMap([5])
    assert sets[Kind.SUBMITTED] == BitMap(range(30))
    assert copies(relay) == Counter(range(30)) + Counter([5] if took else [])


async def test_in_doubt_twice_is_held(database: Database, tmp_path: Path) -> None:
    def script(step: Step) -> Action | None:
        return End(took=True) if step.stage == "dot" and is_for(step, 5) else None

    await post_task(database, 30)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.HELD] == sets[Kind.RESENT] == BitMap([5])
    assert copies(relay)[5] == 2


async def test_a_task_that_holds_sends_nothing_twice(database: Database, tmp_path: Path) -> None:
    def script(step: Step) -> Action | None:
        return End(took=True) if step.stage == "dot" and is_for(step, 5) else None

    await post_task(database, 30, in_doubt="hold")
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.HELD] == BitMap([5])
    assert copies(relay) == Counter(range(30))


async def test_a_relay_that_refuses_us_spends_nobody_s_attempt(database: Database, tmp_path: Path) -> None:
    """As soon as it lets us in again, everybody gets his message."""
    refusing = True

    def script(step: Step) -> Action | None:
        return Say(b"554 5.7.1 not from you\r\n") if refusing and step.stage == "connect" else None

    await post_task(database, 30)
    async with (
        FakeRelay(script) as relay,
        dispatching(database, relay.port, tmp_path, retry_seconds="", smtp_connections="2"),
    ):
        await eventually(lambda: relay.connections >= 2)
        assert await recorded(database) == {}
        refusing = False
        sets = await settled(database, 30)

    assert sets[Kind.SUBMITTED] == BitMap(range(30))


async def test_whoever_left_after_the_freeze_is_not_written_to(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Checked at hand-over: unsubscribed, opted out and erased, each with its reason."""
    await ready_task(database, handler, 30)
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 10000003")
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = 10000004")
    await database.execute("DELETE FROM subscriber WHERE id = 10000005")
    await database.execute("DELETE FROM contact_record WHERE ordinal = 6")

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.SUPPRESSED] == BitMap([3, 4, 5, 6])
    assert copies(relay) == Counter(set(range(30)) - {3, 4, 5, 6})


async def test_a_cancel_stops_mid_batch_within_a_second(database: Database, handler: Handler, tmp_path: Path) -> None:
    """No MAIL later than a second after the cancel; the rest ends as cancelled, and everybody has one state."""
    loop = asyncio.get_running_loop()
    mails: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "mail":
            mails.append(loop.time())
        return After(0.01, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    await post_task(database, 5_000)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) > 100)
        done = await handler.handle(TASKS, "task-1", ChangeTask(frozenset({"cancelled"}), cancelled=True), Actor(1, 1))
        cancelled_at = loop.time()
        assert isinstance(done, Done)
        sets = await settled(database, 5_000)

    assert max(mails) < cancelled_at + 1.0
    assert len(sets[Kind.CANCELLED]) > 1_000
    assert sets[Kind.CANCELLED] | sets[Kind.SUBMITTED] | sets.get(Kind.HELD, BitMap()) == BitMap(range(5_000))
    assert not sets[Kind.CANCELLED] & sets[Kind.SUBMITTED]
    assert set(copies(relay)) == set(sets[Kind.SUBMITTED])


async def test_a_message_that_no_connection_survives_holds_up_nobody(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to count as refused for now; the others of its batch are sent, and the task comes to its end."""
    monkeypatch.setattr(send_batch, "RELAY_PAUSE_SECONDS", 0.05)
    poison = lambda step: DROP if step.stage == "rcpt" and is_for(step, 7) else None  # noqa: E731 - a script
    await post_task(database, 20)
    async with (
        FakeRelay(poison) as relay,
        dispatching(database, relay.port, tmp_path, smtp_connections="1", retry_seconds=""),
    ):
        sets = await settled(database, 20, seconds=40.0)

    assert sets[Kind.SUBMITTED] == BitMap(range(20)) - BitMap([7])
    assert sets[Kind.FAILED] == BitMap([7])


async def test_a_journal_that_cannot_be_written_puts_nobody_in_doubt(database: Database, tmp_path: Path) -> None:
    """Nothing is sent meanwhile and the batch is given back; with room on the disk again everybody gets one."""
    await post_task(database, 20)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1") as running:
        journal, full = running.journal._file, os.open("/dev/full", os.O_WRONLY)
        kept = os.dup(journal)
        os.dup2(full, journal)
        async with asyncio.timeout(10):
            while not await database.fetch_value("SELECT count(*) FROM batch WHERE epoch > 0 AND owner IS NULL"):
                await asyncio.sleep(0.02)
        assert relay.ledger == []
        os.dup2(kept, journal)
        sets = await settled(database, 20)
        for file in (full, kept):
            os.close(file)

    assert set(sets) == {Kind.SUBMITTED, Kind.DELIVERED}
    assert copies(relay) == Counter(range(20))


async def test_after_nothing_but_doubt_the_relay_is_given_a_rest(database: Database, tmp_path: Path) -> None:
    """One that breaks at every final dot must not run through an audience in seconds."""
    broken = lambda step: DROP if step.stage == "dot" else None  # noqa: E731 - a script
    await post_task(database, 20)
    async with FakeRelay(broken) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await eventually(lambda: relay.connections >= 1)
        async with asyncio.timeout(10):
            while not await database.fetch_value("SELECT count(*) FROM batch WHERE epoch = 1 AND owner IS NULL"):
                await asyncio.sleep(0.02)
        assert await database.fetch_value("SELECT due_at > clock_timestamp() + interval '1 second' FROM batch")


@pytest.mark.parametrize("waits_for", ["another attempt", "its turn"])
async def test_a_cancel_reaches_also_those_who_wait(
    database: Database, handler: Handler, tmp_path: Path, waits_for: str
) -> None:
    """For minutes until the next attempt, for hours by a slow rate: once nothing is sent any more, all have a state."""
    later = lambda step: Say(b"451 4.7.1 later\r\n") if step.stage == "rcpt" else None  # noqa: E731 - a script
    await post_task(database, 40, rate=10 if waits_for == "its turn" else None)
    async with FakeRelay(later) as relay, dispatching(database, relay.port, tmp_path):
        async with asyncio.timeout(10):
            while not await database.fetch_value("SELECT count(*) FROM batch WHERE attempt = 2"):
                await asyncio.sleep(0.02)
        cancel = ChangeTask(frozenset({"cancelled"}), cancelled=True)
        assert isinstance(await handler.handle(TASKS, "task-1", cancel, Actor(1)), Done)
        sets = await settled(database, 40)

    assert sets[Kind.CANCELLED] == BitMap(range(40))
