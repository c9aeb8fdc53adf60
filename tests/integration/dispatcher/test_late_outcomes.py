"""What comes late, from whoever was overtaken, is stored under the epoch it had, and counts."""

from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from services.dispatcher.sending.recover import Accepted, replay_orphans
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import copies, dispatching, recorded, settled
from tests.integration.dispatcher.test_claims import claim, expire_leases, ready_task
from tests.sinks.fake_relay import FakeRelay

OVERTAKEN, OTHER, READER = 77, 78, 79
ACCEPTED: Accepted = {"email": (Kind.SUBMITTED,), "sms": (Kind.SUBMITTED,)}


async def test_a_journal_that_is_found_after_its_batch_was_taken_over_still_counts(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Two were answered by the one who died; somebody else has the batch by then, and has not begun."""
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OVERTAKEN)
    journal = Journal(tmp_path, OVERTAKEN)
    for ordinal, mark in ((1, Mark.ACCEPTED), (2, Mark.REFUSED)):
        journal.write(Record(Mark.DOT, 1, 0, held.hold.epoch, ordinal, 1_000))
        journal.write(Record(mark, 1, 0, held.hold.epoch, ordinal, 2_000, 250, "said so"))
    journal.close()
    await expire_leases(database)
    (taken,) = await claim(database, OTHER)

    await replay_orphans(database, tmp_path, READER, 1_000.0, ACCEPTED)

    assert await recorded(database) == {Kind.SUBMITTED: BitMap([1]), Kind.BOUNCED: BitMap([2])}
    assert await database.fetch_value("SELECT min(epoch) FROM segment") == held.hold.epoch < taken.hold.epoch

    await expire_leases(database)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path / "living"):
        sets = await settled(database, 10)
    assert copies(relay) == Counter(set(range(10)) - {1, 2}), "whoever has his outcome is not sent to again"
    assert sets[Kind.RESENT] == BitMap(range(10)) - BitMap([1, 2])
