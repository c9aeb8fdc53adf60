"""Why a recipient was not reached, as the delivery log keeps it for those who judge it later."""

from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.suppression.address_hash import AddressHashes
from shared.suppression.record import NewSuppression, suppress_in
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.sinks.fake_relay import Action, FakeRelay, Say, Step


async def notes(database: Database, kind: Kind) -> dict[int, str]:
    """The note of each recipient of that kind."""
    found = {}
    for row in await database.fetch("SELECT hits FROM segment WHERE kind = $1", int(kind)):
        hits = decode_hits(row["hits"])
        for ordinal, detail in zip(hits.ordinals, hits.details, strict=True):
            found[ordinal] = hits.notes[detail - 1] if detail else ""
    return found


async def test_a_refusal_is_kept_with_its_code(database: Database, tmp_path: Path) -> None:
    """Of a recipient for good and for now; the code alone may be all that a server says."""
    replies = {7: b"550 5.1.1 no such user\r\n", 8: b"451 4.2.2 over quota\r\n", 9: b"550\r\n"}

    def script(step: Step) -> Action | None:
        for number, reply in replies.items():
            if step.stage == "rcpt" and f"person-1-{number}@".encode() in step.argument:
                return Say(reply)
        return None

    await post_task(database, 20)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds=""):
        await settled(database, 20)

    assert await notes(database, Kind.BOUNCED) == {7: "550 5.1.1 no such user", 9: "550"}
    assert await notes(database, Kind.DEFERRED) == {8: "451 4.2.2 over quota"}


async def test_a_refusal_found_in_a_journal_is_kept_the_same(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The process that read the reply died before it was stored."""
    await ready_task(database, handler, 20)
    await database.execute("UPDATE batch SET owner = 77, epoch = 1")
    outcome = Outcome(OutcomeKind.REFUSED, 550, "5.1.1 no such user", Stage.RCPT)
    journal = Journal(tmp_path, 77)
    journal.write(Record(Mark.REFUSED, 1, 0, 1, 2, 1_000, outcome.code, outcome.note))
    journal.close()

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database, 20)

    assert await notes(database, Kind.BOUNCED) == {2: "550 5.1.1 no such user"}


async def test_what_no_reply_said_has_no_code() -> None:
    assert Outcome(OutcomeKind.UNSENT, 0, "connection lost", Stage.DATA).note == "connection lost"


async def test_who_is_suppressed_by_then_is_told_why(database: Database, handler: Handler, tmp_path: Path) -> None:
    """Checked at hand-over, explained in the contact record; nobody of them is written to."""
    await ready_task(database, handler, 20)
    bounced = NewSuppression(1, "email", "person-1-1@example.com", "hard_bounce", "task 9", detail="5.1.1 no such user")
    async with database.transaction() as connection:
        await suppress_in(connection, AddressHashes([b"any"]), [bounced], Instant(1_795_132_800.0), "1")
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 10000003")
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = 10000004")
    await database.execute("DELETE FROM subscriber WHERE id = 10000005")

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database, 20)

    assert await notes(database, Kind.SUPPRESSED) == {
        1: "hard bounce on 2026-11-20: 5.1.1 no such user",
        3: "unsubscribed",
        4: "opted out",
        5: "erased",
    }
    assert set(copies(relay)) == set(range(20)) - {1, 3, 4, 5}


async def test_who_was_in_doubt_and_is_suppressed_by_then_is_held(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """He may have got the first copy, so he is not told to be one who was never written to; there is no second one."""
    await ready_task(database, handler, 20)
    await database.execute("UPDATE batch SET resent = $1", BitMap([3, 6]).serialize())
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id IN (10000003, 10000004)")

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 20)

    assert (sets[Kind.HELD], sets[Kind.SUPPRESSED]) == (BitMap([3]), BitMap([4]))
    assert await notes(database, Kind.HELD) == {3: "unsubscribed"}
    assert set(copies(relay)) == set(range(20)) - {3, 4}
