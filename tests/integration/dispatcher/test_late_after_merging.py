"""A journal that is read when what it tells was merged long ago changes nothing."""

from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from services.dispatcher.sending.reconcile import DOUBLED_PART, reconcile
from services.dispatcher.sending.recover import replay_orphans
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import recorded
from tests.integration.dispatcher.test_claims import claim, ready_task
from tests.integration.dispatcher.test_late_outcomes import ACCEPTED, OTHER, OVERTAKEN, READER
from tests.integration.tracker.compacting import compact, let_it_be_long_ago, rows_of_log

LATER = Instant(4_000_000_000.0)  #: by it alone nobody could tell that the name was there long before
READERS = ("projection", "engagement_reached", "callback_reached", "delivery_reached")


def answered(folder: Path, owner: int, epoch: int, *ordinals: int) -> None:
    journal = Journal(folder, owner)
    for ordinal in ordinals:
        journal.write(Record(Mark.DOT, 1, 0, epoch, ordinal, 1_000))
        journal.write(Record(Mark.ACCEPTED, 1, 0, epoch, ordinal, 2_000, 250, "taken"))
    journal.close()


async def merge_all(database: Database, owner: Database) -> None:
    for table in READERS:
        await database.execute(f"UPDATE {table} SET store_epoch = 1000")
    await let_it_be_long_ago(owner)
    await compact(database)


async def test_it_changes_nothing(database: Database, owner: Database, handler: Handler, tmp_path: Path) -> None:
    """Each of six was recorded alone, two by a hold before, and whoever was sent to by both is listed; then all of it
    was merged. Neither a journal that turns up now nor another look at all of them after a change of history adds any.
    """
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OVERTAKEN)
    epoch = held.hold.epoch
    log = DeliveryLog(database)
    for ordinal in range(6):
        await log.append([Segment(1, Kind.SUBMITTED, 0, epoch, ordinal, Hits.at_once([ordinal], 2_000, "taken"))])
    await log.append([Segment(1, Kind.SUBMITTED, 0, epoch + 1, 0, Hits.at_once([1, 2], 2_000, "taken"))])
    await log.append([Segment(1, Kind.RESENT, 0, epoch, DOUBLED_PART + 1, Hits.at_once([1], 1_500, "in doubt"))])
    answered(tmp_path / "late", OVERTAKEN, epoch, *range(6))
    answered(tmp_path / "kept", OTHER, epoch, 1, 2)
    listed = await reconcile(database, tmp_path / "kept", OTHER, Instant(60.0), Instant(100.0), ACCEPTED)
    before, many = await recorded(database), await rows_of_log(database)
    await merge_all(database, owner)
    merged = await rows_of_log(database)

    assert await replay_orphans(database, tmp_path / "late", READER, 1_000.0, ACCEPTED) == 1
    assert await reconcile(database, tmp_path / "kept", OTHER, Instant(60.0), LATER, ACCEPTED) == listed == 1

    assert (many, merged) == (9, 3)
    assert before == {Kind.SUBMITTED: BitMap(range(6)), Kind.RESENT: BitMap([1, 2])}
    assert await recorded(database) == before
    assert await rows_of_log(database) == merged
