"""Relays that refuse, hang up and delay, each message by chance: a whole dispatcher gets through, and counts."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.measured import Measured
from tests.integration.dispatcher.dispatching import copies, dispatching, settled
from tests.sinks.fake_relay import DROP, RESET, Action, After, End, FakeRelay, Hang, Say, Script, Step
from tests.sinks.sending import LONG_LINE, SHORT, at, in_hand, send
from tests.sinks.witness import letters

PEOPLE = 120
OFTEN = 12  #: one in so many steps goes wrong
SOON = "0.05," * 11 + "0.05"  #: so many attempts that nobody runs out of them by chance

MakeScript = Callable[[random.Random, Counter[str]], Script]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


def for_now(dice: random.Random, seen: Counter[str]) -> Script:
    """A 4xx at any stage of a message."""
    replies = {"mail": b"451 4.3.0 later\r\n", "rcpt": b"450 4.2.1 busy\r\n", "data": b"451 4.3.0 not yet\r\n"}

    def script(step: Step) -> Action | None:
        reply = {**replies, "dot": b"452 4.3.1 full\r\n"}.get(step.stage)
        if reply is None or dice.randrange(OFTEN):
            return None
        seen["refusals"] += 1
        return Say(reply)

    return script


def goodbye(dice: random.Random, seen: Counter[str]) -> Script:
    """421 instead of a greeting, or of an answer to MAIL."""

    def script(step: Step) -> Action | None:
        if step.stage not in ("connect", "mail") or dice.randrange(OFTEN):
            return None
        seen["goodbyes"] += 1
        return End(say=b"421 4.3.2 closing\r\n")

    return script


def lost(dice: random.Random, seen: Counter[str]) -> Script:
    """The connection ends before the dot, instead of an answer to MAIL, RCPT or DATA."""

    def script(step: Step) -> Action | None:
        if step.stage not in ("mail", "rcpt", "data") or dice.randrange(2 * OFTEN):
            return None
        seen["cuts"] += 1
        return dice.choice((DROP, RESET))

    return script


def silent(dice: random.Random, seen: Counter[str]) -> Script:
    """The connection ends at the dot, before an answer; the message was taken, or was not. Nobody meets it twice."""
    met: set[bytes] = set()

    def script(step: Step) -> Action | None:
        name = _message_id(step)
        if step.stage != "dot" or name in met or dice.randrange(OFTEN):
            return None
        met.add(name)
        seen["cuts"] += 1
        return End(reset=dice.random() < 0.5, took=dice.random() < 0.5)

    return script


def answered(dice: random.Random, seen: Counter[str]) -> Script:
    """The answer to the dot comes, late or with the end of the connection."""

    def script(step: Step) -> Action | None:
        if step.stage != "dot" or dice.randrange(OFTEN):
            return None
        seen["delays"] += 1
        yes = b"250 2.0.0 queued\r\n"
        return dice.choice((After(0.3, Say(yes)), End(say=yes, took=True)))

    return script


def greylisting(_: random.Random, seen: Counter[str]) -> Script:
    """Whom it has not seen, by sender and recipient, comes back later: it takes the third attempt."""
    met: Counter[bytes] = Counter()
    sender = b""

    def script(step: Step) -> Action | None:
        nonlocal sender
        if step.stage == "mail":
            sender = step.argument
        if step.stage != "rcpt":
            return None
        met[sender + step.argument] += 1
        if met[sender + step.argument] > 2:
            return None
        seen["refusals"] += 1
        return Say(b"450 4.7.1 greylisted\r\n")

    return script


def _message_id(step: Step) -> bytes:
    _, _, behind = step.argument.partition(b"Message-ID: ")
    return behind.partition(b"\r\n")[0]


def day(number: str, what: str, make: MakeScript, expects: str) -> object:
    return pytest.param(make, marks=pytest.mark.fault(number, what, expects=expects), id=make.__name__)


@pytest.mark.parametrize(
    "make",
    [
        day("F21", "a relay refuses for now at any stage of a message", for_now, "tried again with the same sender"),
        day(
            "F23", "a relay says 421 instead of a greeting or an answer", goodbye, "reconnects; nobody's attempt spent"
        ),
        day("F25", "a relay hangs up before the final dot", lost, "sent again, doubling nobody"),
        day("F25", "a relay hangs up at the final dot", silent, "the doubled listed, two copies at most"),
        day("F25", "a relay answers late, or answers and hangs up", answered, "accepted, doubling nobody"),
        day("F27", "a greylisting relay", greylisting, "everybody delivered on a later attempt"),
    ],
)
async def test_everybody_is_reached_and_whoever_is_doubled_is_listed(
    make: MakeScript, database: Database, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Each gets one message; a second copy only whose dot was not answered."""
    for number in range(1, rounds + 1):
        seen: Counter[str] = Counter()
        await post_task(database, PEOPLE, number=number)
        # One connection: greylisting looks at the sender that came last.
        settings = {"retry_seconds": SOON, "smtp_connections": "1"}
        async with FakeRelay(make(dice, seen)) as relay, dispatching(database, relay.port, tmp_path, **settings):
            sets = await settled(database, PEOPLE, number, 60)

        taken, listed = copies(relay), sets.get(Kind.RESENT, BitMap())
        doubled = BitMap(ordinal for ordinal, count in taken.items() if count > 1)
        measured.add(rounds=1, **seen, lost=PEOPLE - len(taken), doubled=len(doubled), listed=len(listed))
        measured.add(most_copies=max(taken.values()))
        assert seen
        assert sets[Kind.SUBMITTED] == BitMap(taken) == BitMap(range(PEOPLE))
        assert doubled <= listed
        assert not listed or make is silent
        assert max(taken.values()) <= 2
        assert len({command for command in relay.commands if command.startswith(b"MAIL")}) == PEOPLE
        findings = await audit(database, deliveries=deliveries_of(relay))
        assert not [each for each in findings if each.subject == f"task {number}"], tell(findings)


@pytest.mark.fault("F22", "a relay refuses some recipients for good", expects="they bounce, and nobody else")
async def test_a_refusal_for_good_bounces_whom_it_is_for(
    database: Database, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """At RCPT or at the dot; the others get their message."""
    for number in range(1, rounds + 1):
        dead = BitMap(dice.sample(range(PEOPLE), PEOPLE // 20))
        names = [f"person-{number}-{ordinal}@".encode() for ordinal in dead]

        def script(step: Step, names: list[bytes] = names) -> Action | None:
            stage = "dot" if step.message % 2 else "rcpt"
            meant = step.stage in (stage, "dot")
            refused = meant and any(name in step.argument for name in names)
            return Say(b"550 5.1.1 no such user\r\n") if refused else None

        await post_task(database, PEOPLE, number=number)
        async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
            sets = await settled(database, PEOPLE, number)

        wrong = sets[Kind.BOUNCED] ^ dead
        measured.add(
            rounds=1, refusals=len(dead), wrong_bounces=len(wrong), lost=PEOPLE - len(dead) - len(copies(relay))
        )
        assert not wrong
        assert copies(relay) == Counter(BitMap(range(PEOPLE)) - dead)
        assert not await audit(database, deliveries=None)


@pytest.mark.fault("F24", "a relay never answers at a stage", expects="a timer for each command; doubt at the dot only")
@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "content", "dot"])
async def test_no_stage_is_waited_for_without_end(stage: str, measured: Measured) -> None:
    """What had not come to its dot is unsent; what had is in doubt."""
    begun = clock.monotonic()
    async with FakeRelay(at(stage, Hang())) as relay:
        body = LONG_LINE * 16_000 if stage == "content" else b"Hello\r\n"
        witness, stop = await send(relay, letters(1, body), SHORT)

    measured.add(hangs=1, stall_seconds=round(clock.monotonic() - begun, 1))
    assert stop is not None
    assert witness.kinds == in_hand(stage, "doubtful" if stage == "dot" else "unsent")
