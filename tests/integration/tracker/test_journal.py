"""The tracker's journal: what is in it comes into Postgres once, whoever dies when, and it has a limit."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.tracker.decisions.kept_records import encode
from services.tracker.decisions.read_wish import Wished
from services.tracker.intake.journal import KEEP_SECONDS, ORDER, SHARES, HitJournal, NotKept, What
from services.tracker.intake.known_tasks import KnownTasks
from services.tracker.intake.replay import Replay
from services.tracker.intake.task_copy import FILE, KnownTask, TaskCopy
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.metrics import Metrics
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Connection, Database, Unavailable
from shared.runtime import clock
from tests.integration.tracker.readers import RECIPIENTS, TASK, subscribe_everybody
from tests.integration.tracker.running_projectors import HASHES
from tests.integration.tracker.sent_tasks import create_message, send_task

EARLIER = 1_700_000_000_000  #: milliseconds: when the hits were, long before they are stored
LIMIT = 10_000


@dataclass
class Desk:
    """A tracker's journal and what replays it; another one on the same folder is a tracker that starts."""

    database: Database
    folder: Path

    def __post_init__(self) -> None:
        self.journal = HitJournal(self.folder, LIMIT, clock.random_id)
        self.unsubscriber = Unsubscriber(self.database, HASHES, self.journal, clock.random_id, Metrics())
        self.replay = Replay(self.database, self.journal, self.unsubscriber, Metrics())

    async def keep_opens(self, *ordinals: int, task: int = TASK, part: int = 0) -> None:
        hits = [Hit(task, Kind.OPENED, ordinal, EARLIER + ordinal) for ordinal in ordinals]
        await self.journal.keep("hits", gather_hits(hits, -77, part))

    async def keep_wish(self, ordinal: int) -> None:
        await self.journal.keep("wishes", [Wished(TASK, ordinal, "list", EARLIER)])

    async def replay_all(self) -> None:
        while await self.replay.step():
            pass


@pytest.fixture
async def desk(database: Database, store: PostgresEventStore, tmp_path: Path) -> AsyncIterator[Desk]:
    await create_message(store, 1)
    await send_task(store, TASK, RECIPIENTS)
    await subscribe_everybody(database)
    desk = Desk(database, tmp_path)
    yield desk
    desk.journal.close()


async def opens(database: Database) -> list[tuple[int, int]]:
    """Ordinal and time of each that is stored, repeats included."""
    rows = await database.fetch("SELECT hits FROM segment WHERE kind = $1", int(Kind.OPENED))
    hits = [decode_hits(row["hits"]) for row in rows]
    return sorted((ordinal, time) for each in hits for ordinal, time in zip(each.ordinals, each.times, strict=True))


async def wishes(database: Database) -> list[tuple[int, float]]:
    """Who left the list, and when; each once in the rows, the events and the log, or it fails."""
    rows = await database.fetch(
        "SELECT subscriber_id - 1000 AS ordinal, extract(epoch FROM ended_at)::float8 AS at FROM subscription "
        "WHERE ended_at IS NOT NULL ORDER BY 1"
    )
    told = await database.fetch_value("SELECT count(*) FROM event WHERE type = 'list.subscribers_changed'")
    suppressed = await database.fetch_value("SELECT count(*) FROM suppression")
    logged = await database.fetch_value("SELECT count(*) FROM segment WHERE kind = $1", int(Kind.UNSUBSCRIBED))
    assert told == suppressed == logged == len(rows)
    return [(row["ordinal"], row["at"]) for row in rows]


async def test_everything_is_stored_with_the_time_when_it_was(desk: Desk, database: Database) -> None:
    """Hits and wishes; afterwards the journal holds nothing, and Postgres is known to be there."""
    await desk.keep_opens(1, 2)
    await desk.keep_wish(5)
    assert desk.journal.away
    await desk.replay_all()

    assert await opens(database) == [(1, EARLIER + 1), (2, EARLIER + 2)]
    assert await wishes(database) == [(5, EARLIER / 1000)]
    assert (desk.journal.waiting_bytes(), desk.journal.away) == (0, False)


async def test_a_process_that_starts_replays_what_a_dead_one_kept(desk: Desk, database: Database) -> None:
    """While that lives nobody touches its files: they are locked."""
    await desk.keep_opens(1)
    await desk.keep_wish(5)
    heir = Desk(database, desk.folder)
    await heir.replay_all()
    assert await opens(database) == []
    desk.journal.close()  # as the kernel would
    await heir.replay_all()

    assert (await opens(database), await wishes(database)) == ([(1, EARLIER + 1)], [(5, EARLIER / 1000)])


class DiesBeforeItForgets(HitJournal):
    """Killed when all is committed and the file is still there."""

    async def finish(self, file: object, replayed: int) -> bool:
        raise Unavailable("killed")


async def test_who_dies_between_the_commit_and_the_end_of_the_file_counts_nothing_twice(
    desk: Desk, database: Database
) -> None:
    """Postgres knows how far the journal is replayed. Somebody who was taken back in between is not sent away again."""
    await desk.keep_opens(1)
    await desk.keep_wish(5)
    desk.journal.close()
    dying = Desk(database, desk.folder)
    dying.replay._journal = DiesBeforeItForgets(desk.folder, LIMIT, clock.random_id)
    for _ in ORDER:
        with pytest.raises(Unavailable):
            await dying.replay.step()
    await database.execute("UPDATE subscription SET ended_at = NULL")
    await Desk(database, desk.folder).replay_all()

    assert await opens(database) == [(1, EARLIER + 1)]
    assert await database.fetch_value("SELECT count(*) FROM subscription WHERE ended_at IS NOT NULL") == 0
    assert desk.journal.waiting_bytes() == 0


async def test_what_a_new_primary_has_not_got_is_replayed_again(desk: Desk, database: Database) -> None:
    """A standby that was behind has neither the rows nor how far they were: the file of a day brings them back."""
    await desk.keep_opens(1, part=0)
    await desk.replay_all()
    owner_sql = "UPDATE hit_journal SET replayed = 0"
    await database.execute(owner_sql)
    brought = desk.journal.bring_back()
    await desk.replay_all()

    assert brought == 1
    assert await opens(database) == [(1, EARLIER + 1)]  # stored once by its name, had it been there
    desk.journal.forget_replayed(clock.now() + KEEP_SECONDS + 60)
    assert desk.journal.bring_back() == 0


async def test_what_was_replayed_is_kept_for_a_day_by_the_clock_that_dated_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host may be two days behind the database."""
    await desk.keep_opens(1, part=0)
    await desk.replay_all()
    ahead = time.time() + 2 * KEEP_SECONDS - time.monotonic()
    monkeypatch.setattr(clock, "_followed", clock._Followed(ahead, float("inf")))

    await desk.replay.forget()
    assert desk.journal.bring_back() == 1


async def test_what_there_is_not_is_left_out(desk: Desk, database: Database) -> None:
    """A task that is none, a recipient beyond the audience, and a wish of nobody; all others are stored."""
    await desk.keep_opens(3, task=10**15)
    await desk.keep_opens(4, RECIPIENTS, part=1)
    await desk.keep_wish(RECIPIENTS)
    await desk.keep_wish(6)
    await desk.replay_all()

    assert await opens(database) == [(4, EARLIER + 4)]
    assert await wishes(database) == [(6, EARLIER / 1000)]


class RefusesOne(Unsubscriber):
    async def carry_out(self, connection: Connection, wished: Wished) -> bool:
        if wished.ordinal == 5:
            await connection.execute("SELECT 1 / 0")
        return await super().carry_out(connection, wished)


async def test_a_record_that_postgres_refuses_holds_up_nobody(desk: Desk, database: Database) -> None:
    """It is passed over, and logged; the ones before and behind it are carried out once."""
    for ordinal in range(3, 9):
        await desk.keep_wish(ordinal)
    refusing = RefusesOne(database, HASHES, desk.journal, clock.random_id, Metrics())
    replay = Replay(database, desk.journal, refusing, Metrics())
    while await replay.step():
        pass

    assert [ordinal for ordinal, _ in await wishes(database)] == [3, 4, 6, 7, 8]
    assert desk.journal.waiting_bytes() == 0


async def test_a_record_cut_short_by_a_crash_ends_the_journal(desk: Desk, database: Database) -> None:
    """Nobody was answered who is in it."""
    await desk.keep_wish(5)
    [path] = desk.folder.glob("*.wishes")
    desk.journal.close()
    with path.open("ab") as file:
        file.write(encode(Wished(TASK, 6, "list", EARLIER))[:-1])
    await Desk(database, desk.folder).replay_all()

    assert await wishes(database) == [(5, EARLIER / 1000)]
    assert not path.exists()


@pytest.mark.parametrize("what", ORDER)
async def test_the_journal_has_a_limit_and_room_for_wishes(desk: Desk, database: Database, what: What) -> None:
    """Hits end at nine tenths of it, wishes at all of it; what was kept is stored."""
    kept = await fill(desk, what)
    full = desk.journal.waiting_bytes()

    assert SHARES[what] * LIMIT - 100 < full <= SHARES[what] * LIMIT
    if what == "hits":
        await desk.keep_wish(1)
        await desk.replay_all()
        assert len(await opens(database)) == kept


async def fill(desk: Desk, what: What) -> int:
    """How many the journal took until it was full."""
    for count in itertools.count():
        try:
            await (desk.keep_wish(count) if what == "wishes" else desk.keep_opens(count % RECIPIENTS, part=count))
        except NotKept:
            return count
    raise AssertionError


async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    """Then nobody is answered who is not stored."""
    folder = tmp_path / "journal"
    journal = HitJournal(folder, LIMIT, clock.random_id)
    folder.rmdir()

    with pytest.raises(NotKept):
        await journal.keep("wishes", [Wished(TASK, 1, "all", EARLIER)])
    assert not journal.away


async def test_links_lead_on_from_the_copy(desk: Desk, database: Database, tmp_path: Path) -> None:
    """It has what is under way before anybody clicks, outlives the process, has a limit, and bad lines harm nobody."""
    known = KnownTasks(database, desk.journal, TaskCopy(tmp_path), clock.monotonic)
    await known.copy_recent()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'[9, 5, "half a li')
    desk.journal.away = True
    later = KnownTasks(database, desk.journal, TaskCopy(tmp_path), clock.monotonic)
    found = await later.find(TASK)

    assert found is not None
    assert (found.recipients, len(found.links)) == (RECIPIENTS, 2)
    with pytest.raises(Unavailable):
        await later.find(9)
    copy = TaskCopy(tmp_path, most_bytes=400)
    for task in range(100, 140):
        copy.add({task: KnownTask(task, ("https://shop.example/",))})
    assert (copy.get(139), copy.get(100)) == (KnownTask(139, ("https://shop.example/",)), None)
    assert (tmp_path / FILE).stat().st_size <= 400
    assert TaskCopy(tmp_path).get(139) == KnownTask(139, ("https://shop.example/",))


async def test_several_keep_and_replay_at_once(desk: Desk, database: Database) -> None:
    """What is written while the file is replayed is not lost with it."""

    async def keep() -> None:
        for part in range(40):
            await desk.keep_opens(part, part=part)

    keeping = asyncio.create_task(keep())
    while not keeping.done():
        await desk.replay.step()
        await asyncio.sleep(0)
    await keeping
    await desk.replay_all()

    assert [ordinal for ordinal, _ in await opens(database)] == list(range(40))
