"""A relay that refuses one like the other means us: the task rests, and nobody is bounced for it."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.sending.compose import Unsendable
from services.dispatcher.sending.load_task import TaskToSend
from services.dispatcher.sending.on_trial import Trials
from shared.domain.delivery import Kind
from shared.domain.task import Harm, TaskPaused
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Append
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, Row, Unavailable
from shared.runtime import clock
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, figure, recorded, settled
from tests.integration.dispatcher.test_claims import OWNER, claim, ready_task
from tests.integration.dispatcher.test_pausing import all_given_back, put
from tests.servers.tcp_proxy import TcpProxy
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step

NOT_YOU = b"550 5.7.1 nothing from your network, ask <postmaster@example.com>\r\n"
PAUSES = 'postroom_tasks_paused_total{cause="refusals"}'


class Refusing:
    """Refuses all at one stage for as long as it is told to."""

    def __init__(self, stage: str, reply: bytes) -> None:
        self.stage, self.reply, self.on = stage, reply, True

    def __call__(self, step: Step) -> Action | None:
        return Say(self.reply) if self.on and step.stage == self.stage else None


async def paused(database: Database) -> str | None:
    """Once it is; the reason."""
    async with asyncio.timeout(20):
        while not await database.fetch_value("SELECT paused FROM task WHERE id = 1"):
            await asyncio.sleep(0.02)
    await all_given_back(database)
    reason: str | None = await database.fetch_value("SELECT paused_reason FROM task WHERE id = 1")
    return reason


@pytest.mark.parametrize(
    ("stage", "reply", "answer"),
    [
        ("rcpt", NOT_YOU, "550 5.7.1"),
        ("rcpt", b"550 5.1.1 no such user\r\n", "550 5.1.1"),
        ("data", b"554 no\r\n", "554"),
        ("dot", b"554 5.7.1 spam\r\n", "554 5.7.1"),
    ],
    ids=["at RCPT", "every mailbox dead", "at DATA", "after the content"],
)
async def test_nobody_is_bounced_by_a_relay_that_refuses_all(
    database: Database, handler: Handler, tmp_path: Path, stage: str, reply: bytes, answer: str
) -> None:
    """The task pauses itself in time; mended and resumed, everybody gets his message, and no attempt was spent."""
    refusing = Refusing(stage, reply)
    await post_task(database, 5_000)
    async with FakeRelay(refusing) as relay, dispatching(database, relay.port, tmp_path, retry_seconds="") as running:
        reason = await paused(database)
        assert reason is not None
        assert reason.endswith(f"messages were refused with {answer}")
        assert await recorded(database) == {}
        assert relay.messages < 300, "it went on long after the relay had made itself clear"
        assert await figure(running, PAUSES) == 1
        refusing.on = False
        await put(handler, paused=False)
        sets = await settled(database, 5_000)

    assert sets == {Kind.SUBMITTED: BitMap(range(5_000)), Kind.DELIVERED: BitMap(range(5_000))}
    assert copies(relay) == Counter(range(5_000))


async def test_who_resumes_too_early_is_told_once_more_and_then_obeyed(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Nothing was mended: it pauses again. A second resume is the last word, and then they are bounces."""
    await post_task(database, 2_000)
    async with FakeRelay(Refusing("rcpt", NOT_YOU)) as relay, dispatching(database, relay.port, tmp_path) as running:
        await paused(database)
        await put(handler, paused=False)
        await paused(database)
        assert await recorded(database) == {}
        await put(handler, paused=False)
        sets = await settled(database, 2_000)
        assert await figure(running, PAUSES) == 2

    assert sets == {Kind.BOUNCED: BitMap(range(2_000))}
    events = await database.fetch("SELECT type, data ->> 'cause' AS cause FROM event WHERE type LIKE 'task.pause%'")
    assert [row["cause"] for row in events] == ["refusals", "refusals"]


async def test_a_few_refusals_are_bounces_at_once(database: Database, tmp_path: Path) -> None:
    """A list of twenty is too small to tell; all of them are refused, and that is that."""
    await post_task(database, 20)
    async with FakeRelay(Refusing("rcpt", NOT_YOU)) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert sets == {Kind.BOUNCED: BitMap(range(20))}


async def test_a_list_with_dead_mailboxes_is_sent_to_its_end(database: Database, tmp_path: Path) -> None:
    """Every fourth is unknown, from the first message on: exactly they bounce, with the relay's words."""

    def script(step: Step) -> Action | None:
        unknown = step.stage == "rcpt" and int(step.argument.split(b"-")[2].split(b"@")[0]) % 4 == 0
        return Say(b"550 5.1.1 no such user\r\n") if unknown else None

    await post_task(database, 1_000)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 1_000)

    assert sets[Kind.BOUNCED] == BitMap(range(0, 1_000, 4))
    assert sets[Kind.SUBMITTED] == BitMap(range(1_000)) - sets[Kind.BOUNCED]
    assert copies(relay) == Counter(sets[Kind.SUBMITTED])


async def test_a_cancel_while_refusals_are_withheld_loses_none_of_them(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Those refused by then bounced, the others are cancelled, and together they are all."""
    third = asyncio.Event()

    async def cancel() -> None:
        await third.wait()
        await put(handler, cancelled=True)

    def script(step: Step) -> Action | None:
        if step.stage == "rcpt" and step.message == 3:
            third.set()
        return Say(NOT_YOU) if step.stage == "rcpt" and step.message <= 3 else None

    await post_task(database, 5_000)
    cancelling = asyncio.create_task(cancel())
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await cancelling
        sets = await settled(database, 5_000)

    assert len(sets[Kind.BOUNCED]) == 3
    assert sets[Kind.BOUNCED] | sets[Kind.CANCELLED] | sets.get(Kind.SUBMITTED, BitMap()) == BitMap(range(5_000))


async def test_what_a_process_withheld_when_it_ended_is_nobody_s_bounce(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Postgres was away, so only its journal knows of them: the next one tries them again, and nobody is in doubt."""
    await post_task(database, 20)
    refusing = lambda step: After(0.1, Say(b"554 5.7.1 spam\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(refusing) as relay, TcpProxy(database_url) as proxy:
        through = await Database.connect(proxy.url)
        async with dispatching(through, relay.port, tmp_path, smtp_connections="1"):
            await eventually(lambda: relay.messages >= 4)
            await proxy.shut()
        await through.close()
        relay.script = lambda step: None
        async with dispatching(database, relay.port, tmp_path):
            sets = await settled(database, 20)

    assert sets == {Kind.SUBMITTED: BitMap(range(20)), Kind.DELIVERED: BitMap(range(20))}


class FailsOnce(PostgresEventStore):
    """A store whose first append finds Postgres away."""

    failed = False

    async def append(self, append: Append) -> None:
        if not self.failed:
            self.failed = True
            raise Unavailable("away")
        await super().append(append)


async def test_a_verdict_is_carried_out_once_postgres_answers(database: Database, handler: Handler) -> None:
    """Until then it stands, and after that for what was claimed before; what is claimed later is on trial anew."""
    await ready_task(database, handler, 200)
    counted: list[Harm] = []
    trials = Trials(Handler(FailsOnce(database), clock.now), clock.monotonic, counted.append)
    before, *_ = await claim(database, OWNER)
    trial, task = trials.of(before), TaskToSend(1, 1, 1, NothingToCompose())
    for _ in range(21):
        trial.hear(550, "5.7.1 no")

    assert not await trials.carry_out(task, trial)
    assert (trials.of(replace(before, claimed_at=clock.monotonic())) is trial, counted) == (True, [])
    assert await trials.carry_out(task, trial)
    assert await trials.carry_out(task, trial), "another connection's word for the same"
    assert counted == ["refusals"]
    assert trials.of(before) is trial
    assert trials.of(replace(before, claimed_at=clock.monotonic())) is not trial
    pauses = await database.fetch("SELECT data FROM event WHERE type = 'task.paused'")
    assert [TaskPaused(**row["data"]).cause for row in pauses] == ["refusals"]


class NothingToCompose:
    def compose(self, rows: Sequence[Row]) -> Iterator[Outgoing | Unsendable]:
        raise AssertionError("who judges composes nothing")

    def units(self, row: Row) -> int:
        raise AssertionError("nor charges")
