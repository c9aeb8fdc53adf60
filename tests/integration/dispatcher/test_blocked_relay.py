"""A relay that refuses us blocks the task and says why; it bounces nobody, and nobody's attempt is spent."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pyroaring import BitMap
from structlog.testing import capture_logs

from services.dispatcher.app import RunningDispatcher
from services.dispatcher.sending import next_hop, send_batch, sender
from shared.domain.delivery import Kind
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import KEYS, copies, dispatching, eventually, figure, recorded, settled
from tests.integration.dispatcher.test_claims import OWNER, claim, ready_task
from tests.sinks.certificates import Certificate
from tests.sinks.fake_relay import Action, After, End, FakeRelay, Say, Script, Step
from tests.sinks.sending import at

BLOCKED = 'postroom_transport_blocked{transport="smtp"}'
WITH_TLS = ("PIPELINING", "STARTTLS", "AUTH PLAIN")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rests after trouble rests for moments."""
    monkeypatch.setattr(send_batch, "RELAY_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(sender, "LONGEST_RELAY_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(next_hop, "PATIENCE_SECONDS", 0.2)


async def blocked_reason(database: Database, wanted: Callable[[str | None], bool]) -> str | None:
    """Once it is as ``wanted``."""
    async with asyncio.timeout(20):
        while True:
            reason: str | None = await database.fetch_value("SELECT blocked_reason FROM sending WHERE task_id = 1")
            if wanted(reason):
                return reason
            await asyncio.sleep(0.02)


async def shows(running: RunningDispatcher, blocked: int) -> None:
    """In the end."""
    async with asyncio.timeout(20):
        while await figure(running, BLOCKED) != blocked:
            await asyncio.sleep(0.02)


def is_text(reason: str | None) -> bool:
    return reason is not None


def is_null(reason: str | None) -> bool:
    return reason is None


@pytest.mark.parametrize(
    ("script", "query", "reason"),
    [
        (at("connect", Say(b"554 5.7.1 go away\r\n")), "none", "connect: 554 5.7.1 go away"),
        (at("connect", Say(b"421 4.3.2 closed\r\n")), "none", "connect: 421 4.3.2 closed"),
        (at("connect", End()), "none", "ehlo: the relay closed the connection"),
        (at("ehlo", Say(b"550 5.7.1 who?\r\n")), "none", "ehlo: 550 5.7.1 who?"),
        (at("starttls", Say(b"501 5.5.4 no\r\n")), "require", "tls: 501 5.5.4 no"),
        (at("auth", Say(b"535 5.7.8 wrong\r\n")), "none", "auth: 535 5.7.8 wrong"),
        (at("mail", Say(b"550 5.7.1 not you\r\n")), "none", "mail: 550 5.7.1 not you"),
        (at("mail", Say(b"553 5.1.8 <me@x.example> not yours\r\n")), "none", "mail: 553 5.1.8 <address> not yours"),
        (at("rcpt", Say(b"530 5.7.0 authenticate\r\n")), "none", "rcpt: 530 5.7.0 authenticate"),
        (at("dot", Say(b"535 5.7.8 expired\r\n")), "none", "dot: 535 5.7.8 expired"),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value else "",
)
async def test_a_relay_that_refuses_us_blocks_and_bounces_nobody(
    database: Database,
    tmp_path: Path,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    query: str,
    reason: str,
) -> None:
    """Shown at the task and in a metric, told once; when it lets us in, all get theirs with the attempt they have."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    await post_task(database, 60)
    async with FakeRelay(script, WITH_TLS, certificate.server()) as relay:
        url = f"smtp://me:secret@127.0.0.1:{relay.port}?starttls={query}"
        with capture_logs() as logs:
            async with dispatching(database, relay.port, tmp_path, smtp_url=url, retry_seconds="") as running:
                assert await blocked_reason(database, is_text) == reason
                tried = relay.connections
                await eventually(lambda: relay.connections >= tried + 20)
                assert await recorded(database) == {}
                await shows(running, 1)
                relay.script = lambda step: None
                sets = await settled(database, 60)
                await shows(running, 0)

    assert sets == {Kind.SUBMITTED: BitMap(range(60)), Kind.DELIVERED: BitMap(range(60))}
    assert copies(relay) == Counter(range(60))
    assert await database.fetch_value("SELECT blocked_reason FROM sending") is None
    alarms = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["action"], line["reason"]) for line in alarms] == [("transport_blocked", reason)]
    assert [line["action"] for line in logs].count("transport_free") == 1


@pytest.mark.parametrize(
    ("stage", "reply"),
    [("rcpt", b"550 5.1.8 sender's domain not found\r\n"), ("dot", b"554 5.7.9 against our policy\r\n")],
)
async def test_one_for_whom_the_relay_blames_us_keeps_nobody_waiting(
    database: Database, tmp_path: Path, stage: str, reply: bytes
) -> None:
    """While others get through it is about him: he spends his attempts, and all the others have theirs."""

    def script(step: Step) -> Action | None:
        return Say(reply) if step.stage == stage and b"person-1-8@" in step.argument else None

    await post_task(database, 40)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds="0, 0"):
        sets = await settled(database, 40)

    one = await database.fetch_value("SELECT ordinal FROM contact_record WHERE address LIKE 'person-1-8@%'")
    assert sets[Kind.FAILED] == BitMap([one])
    assert sets[Kind.DELIVERED] == BitMap(range(40)) - BitMap([one])
    assert copies(relay) == Counter(set(range(40)) - {one})


async def test_where_nobody_listens_the_task_is_blocked(database: Database, tmp_path: Path) -> None:
    async with FakeRelay() as gone:
        pass
    await post_task(database, 20)
    async with dispatching(database, gone.port, tmp_path) as running:
        reason = await blocked_reason(database, is_text)
        await shows(running, 1)

    assert reason is not None
    assert reason.startswith(f"connect: no connection to 127.0.0.1:{gone.port}")


async def test_a_relay_that_lets_some_connections_in_is_not_blocked(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others get through meanwhile: no alarm comes and goes with each of those it turns away."""
    monkeypatch.setattr(next_hop, "PATIENCE_SECONDS", 4.0)
    turned_away = 0

    def script(step: Step) -> Action | None:
        nonlocal turned_away
        if step.stage == "connect" and len(relay.open_connections) > 3:
            turned_away += 1
            return End(say=b"421 4.7.0 too many connections\r\n")
        return After(0.01, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    await post_task(database, 400)
    with capture_logs() as logs:
        async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path) as running:
            await settled(database, 400)
            assert await figure(running, BLOCKED) == 0

    assert turned_away > 10
    assert [line for line in logs if line["log_level"] == "warning"] == []
    assert await database.fetch_value("SELECT count(blocked_reason) FROM sending") == 0


async def test_one_task_s_sender_may_be_refused_while_others_go_on(database: Database, tmp_path: Path) -> None:
    """That task says so; the transport is none the worse for it."""
    refused = True

    def script(step: Step) -> Action | None:
        first = relay.of_task(step.argument) == 1 if step.stage == "mail" else False
        return Say(b"553 5.7.1 not with that sender\r\n") if refused and first else None

    async with Sorting() as relay:
        relay.script = script
        await post_task(database, 40, number=2)
        async with dispatching(database, relay.port, tmp_path) as running:
            await settled(database, 40, task_id=2)
            await post_task(database, 40, number=1)
            assert await blocked_reason(database, is_text) == "mail: 553 5.7.1 not with that sender"
            assert await figure(running, BLOCKED) == 0
            refused = False
            await settled(database, 40)
            await blocked_reason(database, is_null)


async def test_a_task_that_is_refused_holds_up_no_other_that_comes_later(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many batches it has, and however long a connection rests after each."""
    monkeypatch.setattr(sender, "LONGEST_RELAY_PAUSE_SECONDS", 60.0)

    def script(step: Step) -> Action | None:
        first = relay.of_task(step.argument) == 1 if step.stage == "mail" else False
        return Say(b"553 5.7.1 not with that sender\r\n") if first else None

    async with Sorting(script) as relay:
        await post_task(database, 2_000, number=1)
        async with dispatching(database, relay.port, tmp_path, smtp_connections="2"):
            await blocked_reason(database, is_text)
            await post_task(database, 400, number=2)
            await settled(database, 400, task_id=2, seconds=30.0)

    assert len(relay.ledger) == 400


class Sorting(FakeRelay):
    """Knows whose a bounce address is."""

    def of_task(self, line: bytes) -> int:
        token = KEYS.read_verp(line[line.index(b"<") + 1 : line.index(b"@")].decode())
        assert token is not None
        return token.task


async def test_the_next_batch_clears_what_an_earlier_process_noted(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """With the first message that gets through; who claims a batch is told that there is something to clear."""
    await ready_task(database, handler, 60)
    await database.execute("UPDATE sending SET blocked_reason = 'auth: 535 no'")
    assert await claim(database, OWNER) == []
    (batch,) = await claim(database, OWNER, limit=1, blocked=True)
    assert batch.blocked
    await database.execute("UPDATE batch SET owner = NULL, leased_until = '-infinity'")

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database, 60)

    assert await database.fetch_value("SELECT blocked_reason FROM sending") is None


async def test_a_reason_that_stays_is_not_written_again(database: Database, handler: Handler, tmp_path: Path) -> None:
    """However often the batches come to nothing: the row is that of the first time."""
    await post_task(database, 20)
    refusing = at("connect", Say(b"554 no\r\n"))
    async with FakeRelay(refusing) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="1"):
        await blocked_reason(database, is_text)
        version = await database.fetch_value("SELECT xmin::text FROM sending")
        tried = relay.connections
        await eventually(lambda: relay.connections >= tried + 5)
        assert await database.fetch_value("SELECT xmin::text FROM sending") == version


async def test_a_pause_is_no_block(database: Database, handler: Handler, tmp_path: Path) -> None:
    """What was held back for it says nothing of the relay."""
    await post_task(database, 2_000)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path) as running:
        await eventually(lambda: len(relay.ledger) > 50)
        await handler.handle(TASKS, "task-1", ChangeTask(frozenset({"paused"}), paused=True), Actor(1, 1))
        async with asyncio.timeout(10):
            while await database.fetch_value("SELECT count(*) FROM batch WHERE owner IS NOT NULL"):
                await asyncio.sleep(0.02)
        assert await figure(running, BLOCKED) == 0

    assert await database.fetch_value("SELECT blocked_reason FROM sending") is None
