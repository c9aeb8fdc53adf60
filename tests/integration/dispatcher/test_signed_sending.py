"""Mail of a domain that is the account's is signed by its keys, those of the task's start; signing delays no cancel."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.dispatcher.planner.start_due import start_due_tasks, tell_held_back
from services.dispatcher.sending.sign_ahead import CHUNK
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.sending_domain import Algorithm, ChangeDomain, RecordKind, RecordLook, RemoveDomain
from shared.domain.still_needed import StillNeeded
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, recorded, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.signing_domain import PUBLISHED, add_domain, change_domain
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step
from tests.verify_dkim import verdicts

SHOWN: frozenset[RecordKind] = frozenset({"dkim-rsa"})
BOTH_SHOWN: frozenset[RecordKind] = frozenset({"dkim-rsa", "dkim-ed25519"})


def signatures(relay: FakeRelay) -> set[tuple[bool, ...]]:
    """What a verifier says of the mails the relay took."""
    return {tuple(verdicts(taken.content, PUBLISHED)) for taken in relay.ledger}


async def sent(database: Database, journal: Path, size: int = 5, **settings: str) -> FakeRelay:
    """After everybody has his message."""
    async with FakeRelay() as relay, dispatching(database, relay.port, journal, **settings):
        sets = await settled(database, size)
    assert sets[Kind.SUBMITTED] == BitMap(range(size))
    return relay


@pytest.mark.parametrize(("algorithm", "verified"), [("rsa-sha256", (True,)), ("ed25519-sha256", (True, True))])
async def test_everybody_gets_a_message_whose_signatures_verify(
    database: Database, tmp_path: Path, algorithm: Algorithm, verified: tuple[bool, ...]
) -> None:
    """Also where a batch takes more than one chunk, and each is his own."""
    await add_domain(database, algorithm=algorithm)
    await post_task(database, 150)
    relay = await sent(database, tmp_path, 150)

    assert copies(relay) == Counter(range(150))
    assert signatures(relay) == {verified}


async def test_without_a_domain_nothing_is_signed(database: Database, tmp_path: Path) -> None:
    await post_task(database, 5)

    assert signatures(await sent(database, tmp_path)) == {()}


async def test_the_keys_of_another_account_sign_nothing(database: Database, tmp_path: Path) -> None:
    await add_domain(database, account_id=2)
    await post_task(database, 5)

    assert signatures(await sent(database, tmp_path)) == {()}


async def test_the_keys_of_a_removed_domain_sign_no_new_task(database: Database, tmp_path: Path) -> None:
    await add_domain(database)
    await change_domain(database, RemoveDomain(StillNeeded()))
    await post_task(database, 5)

    assert signatures(await sent(database, tmp_path)) == {()}


async def test_a_started_task_keeps_the_keys_of_its_start(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Neither a second algorithm nor the end of the domain changes an octet of it."""
    await add_domain(database)
    await ready_task(database, handler, 5)
    await change_domain(database, ChangeDomain(None, "ed25519-sha256"))
    await change_domain(database, RemoveDomain(StillNeeded()))

    assert signatures(await sent(database, tmp_path)) == {(True,)}


async def test_another_process_repeats_a_message_octet_for_octet(database: Database, tmp_path: Path) -> None:
    """With its signatures: what the first attempt had sent and the second are the same."""
    contents: list[bytes] = []

    def script(step: Step) -> Action | None:
        if step.stage == "dot":
            contents.append(step.argument)
            return Say(b"451 4.3.0 later\r\n") if len(contents) == 1 else None
        return None

    await add_domain(database, algorithm="ed25519-sha256")
    await post_task(database, 1)
    async with FakeRelay(script) as relay:
        async with dispatching(database, relay.port, tmp_path, retry_seconds="3600"):
            await eventually(lambda: len(contents) == 1)
        await database.execute("UPDATE batch SET due_at = now()")
        async with dispatching(database, relay.port, tmp_path):
            await settled(database, 1)

    assert len(contents) == 2
    assert contents[0] == contents[1]
    assert verdicts(contents[1], PUBLISHED) == [True, True]


async def test_a_task_waits_until_dns_shows_the_key_of_its_domain(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """And the second key signs only once it is shown, too."""
    await add_domain(database, algorithm="ed25519-sha256")
    await post_task(database, 5)

    assert await start_due_tasks(database, handler, dns_check=True) == 0
    assert await tell_held_back(database, frozenset()) == {1}
    await change_domain(database, RecordLook(SHOWN))
    assert await tell_held_back(database, frozenset({1})) == frozenset()
    assert signatures(await sent(database, tmp_path, dns_check="on")) == {(True,)}


async def test_where_dns_is_asked_and_shows_both_keys_both_sign(database: Database, tmp_path: Path) -> None:
    await add_domain(database, algorithm="ed25519-sha256", found=BOTH_SHOWN)
    await post_task(database, 5)

    assert signatures(await sent(database, tmp_path, dns_check="on")) == {(True, True)}


async def test_the_domain_of_another_account_and_a_removed_one_start_no_task(
    database: Database, handler: Handler
) -> None:
    await add_domain(database, account_id=2, domain_id=2, found=SHOWN)
    await add_domain(database, found=SHOWN)
    await change_domain(database, RemoveDomain(StillNeeded()))
    await post_task(database, 5)

    assert await start_due_tasks(database, handler, dns_check=True) == 0
    assert await tell_held_back(database, frozenset()) == {1}


async def test_a_cancel_stops_a_signed_batch_within_a_second(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """What was composed and signed ahead is not begun any more; everybody has one state."""
    loop = asyncio.get_running_loop()
    mails: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "mail":
            mails.append(loop.time())
        return After(0.01, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    await add_domain(database)
    await post_task(database, 3_000)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) > 100)
        done = await handler.handle(TASKS, "task-1", ChangeTask(frozenset({"cancelled"}), cancelled=True), Actor(1, 1))
        cancelled_at = loop.time()
        assert isinstance(done, Done)
        sets = await settled(database, 3_000)

    assert max(mails) < cancelled_at + 1.0
    assert len(sets[Kind.CANCELLED]) > 500
    assert sets[Kind.CANCELLED] | sets[Kind.SUBMITTED] | sets.get(Kind.HELD, BitMap()) == BitMap(range(3_000))
    assert set(copies(relay)) == set(sets[Kind.SUBMITTED])


async def test_what_was_signed_and_not_begun_when_the_process_stops_is_given_back(
    database: Database, tmp_path: Path
) -> None:
    """Two chunks are ready by then, and they are not sent to their end; the next process sends them."""
    slow = lambda step: After(0.05, Say(b"250 ok\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    await add_domain(database)
    await post_task(database, 100)
    async with FakeRelay(slow) as relay:
        async with dispatching(database, relay.port, tmp_path, smtp_connections="1") as running:
            await eventually(lambda: len(relay.ledger) >= 5)
            running.stopping.set()
            begun = relay.messages
            await asyncio.wait(running.tasks, timeout=20)
        assert relay.messages < begun + CHUNK
        async with dispatching(database, relay.port, tmp_path):
            sets = await settled(database, 100)

    assert sets[Kind.SUBMITTED] == BitMap(range(100))
    assert copies(relay) == Counter(range(100))


async def test_a_5xx_and_a_lost_connection_amid_signed_messages_concern_those_alone(
    database: Database, tmp_path: Path
) -> None:
    def script(step: Step) -> Action | None:
        if step.stage == "rcpt" and b"person-1-7@" in step.argument:
            return Say(b"550 5.1.1 no such user\r\n")
        return Say(b"421 4.7.0 that was enough\r\n") if step.stage == "mail" and step.message % 40 == 0 else None

    await add_domain(database)
    await post_task(database, 200)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds=""):
        sets = await settled(database, 200)

    assert sets[Kind.BOUNCED] == BitMap([7])
    assert copies(relay) == Counter(set(range(200)) - {7})
    assert signatures(relay) == {(True,)}


async def test_a_key_that_cannot_be_opened_sends_nothing_unsigned(database: Database, tmp_path: Path) -> None:
    """Its task rests and is tried again; nobody's attempt is spent."""
    await add_domain(database, secret=b"another secret of thirty-two bytes")
    await post_task(database, 5)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        async with asyncio.timeout(20):
            while not await database.fetch_value("SELECT count(*) FROM batch WHERE epoch > 0 AND owner IS NULL"):
                await asyncio.sleep(0.02)
        assert await recorded(database) == {}

    assert relay.ledger == []


@pytest.mark.parametrize("offers", [("PIPELINING",), ("PIPELINING", "8BITMIME", "SMTPUTF8")])
async def test_an_address_beyond_ascii_goes_where_the_relay_takes_it(
    database: Database, handler: Handler, tmp_path: Path, offers: tuple[str, ...]
) -> None:
    """Elsewhere it is refused, with the reason; the others never need eight bits."""
    await ready_task(database, handler, 3)
    await database.execute("UPDATE contact_record SET address = 'jörg@example.com' WHERE ordinal = 1")
    async with FakeRelay(extensions=offers) as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 3)
    mails = {command for command in relay.commands if command.startswith(b"MAIL")}
    wide = {command for command in mails if re.search(rb"SMTPUTF8|8BITMIME", command)}

    assert sets[Kind.SUBMITTED] | sets.get(Kind.BOUNCED, BitMap()) == BitMap(range(3))
    assert sets.get(Kind.BOUNCED, BitMap()) == BitMap([] if "SMTPUTF8" in offers else [1])
    assert len(wide) == (1 if "SMTPUTF8" in offers else 0)
    if "SMTPUTF8" not in offers:
        assert await reason(database) == "the relay takes ASCII addresses only (no SMTPUTF8)"


async def reason(database: Database) -> str:
    hits = await database.fetch_value("SELECT hits FROM segment WHERE kind = $1", int(Kind.BOUNCED))
    return decode_hits(hits).notes[0]
