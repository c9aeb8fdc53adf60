"""Bounces and complaints of the delivery log suppress their addresses: in the round that projects them, and once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from services.tracker.decisions.judge_bounce import SoftBounceRule
from services.tracker.projector.rebuild import rebuild
from services.tracker.projector.suppress_returned import DAY_SECONDS, ReturnedSuppressor
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.delivery_log.tail import RecordedSegment
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.interface import TailPosition
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Connection, Database
from shared.runtime import clock
from tests.integration.tracker.running_projectors import HASHES, eventually, project_all, projector_on
from tests.integration.tracker.sent_tasks import NOON, create_message, send_task

NOON_MS = int(NOON * 1000)
NO_USER, FULL = "550 5.1.1 no such user", "552 5.2.2 mailbox full"


class Log:
    """Says what became of recipients, each time in a segment of its own."""

    def __init__(self, database: Database) -> None:
        self._log = DeliveryLog(database)
        self._part = 0

    async def append(self, task_id: int, kind: Kind, ordinals: Sequence[int], note: str = "", days: int = 0) -> None:
        self._part += 1
        time_ms = NOON_MS + days * DAY_SECONDS * 1000
        await self._log.append([Segment(task_id, kind, 0, 1, self._part, Hits.at_once(ordinals, time_ms, note))])


@pytest.fixture
async def log(database: Database, store: PostgresEventStore) -> Log:
    """Of the tasks 1 to 5, whose recipient n is the subscriber 1000 + n."""
    await create_message(store, 1)
    for task_id in range(1, 6):
        await send_task(store, task_id, 20)
    await database.execute(
        """INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
           SELECT 0, task_id, n, 1000 + n, 'reader' || n || '@example.org'
             FROM generate_series(1, 5) AS task_id, generate_series(0, 19) AS n"""
    )
    return Log(database)


async def suppressions(database: Database) -> list[tuple[int, str]]:
    """(ordinal, reason) of all, in order."""
    rows = await database.fetch("SELECT ordinal, reason FROM suppression ORDER BY ordinal, reason")
    return [(row["ordinal"], row["reason"]) for row in rows]


async def events(database: Database) -> list[dict[str, Any]]:
    rows = await database.fetch("SELECT data FROM event WHERE type = 'list.subscribers_suppressed' ORDER BY position")
    return [row["data"] for row in rows]


async def test_hard_bounces_and_complaints_suppress_for_the_whole_account(database: Database, log: Log) -> None:
    """With what was said and where, and one event of ids; soft and unclear ones and other kinds suppress nobody."""
    await log.append(1, Kind.BOUNCED, [3, 4], NO_USER)
    await log.append(1, Kind.BOUNCED, [5], FULL)
    await log.append(1, Kind.BOUNCED, [6], "")
    await log.append(1, Kind.DEFERRED, [7], "450 4.1.1 no such user")
    await log.append(1, Kind.COMPLAINED, [8], "abuse")
    await project_all(database)
    row = await database.fetch_row("SELECT * FROM suppression WHERE ordinal = 3")

    assert await suppressions(database) == [(3, "hard_bounce"), (4, "hard_bounce"), (8, "complaint")]
    assert row is not None
    assert (row["account_id"], row["channel"], row["address"], row["subscriber_id"], row["list_id"]) == (
        1,
        "email",
        "reader3@example.org",
        1003,
        None,
    )
    assert (row["detail"], row["source"], row["task_id"]) == (NO_USER, "task 1", 1)
    assert row["hash"] == HASHES.of(1, "email", "reader3@example.org")
    assert sorted(event["subscribers"] for event in await events(database)) == [[1003, 1004, 1008]]


async def test_a_bounce_again_is_no_news(database: Database, log: Log) -> None:
    await log.append(1, Kind.BOUNCED, [3], NO_USER)
    await project_all(database)
    await log.append(1, Kind.BOUNCED, [3], NO_USER)
    await log.append(2, Kind.BOUNCED, [3], "550 5.1.1 still nobody")
    await project_all(database)

    assert await suppressions(database) == [(3, "hard_bounce")]
    assert len(await events(database)) == 1


async def test_a_rebuild_suppresses_nobody(database: Database, log: Log) -> None:
    """Whom somebody has let go stays free, and no bounce is counted twice."""
    await log.append(1, Kind.BOUNCED, [3], NO_USER)
    for task_id in (1, 2):
        await log.append(task_id, Kind.BOUNCED, [4], FULL)
    await project_all(database)
    await database.execute("DELETE FROM suppression")
    await database.execute("DELETE FROM soft_bounce")
    await rebuild(database, 9)
    await project_all(database)

    assert await suppressions(database) == []
    assert await database.fetch_value("SELECT count(*) FROM soft_bounce") == 0
    assert len(await events(database)) == 1


async def test_a_rebuild_takes_no_bounce_from_under_the_live_projector(database: Database, log: Log) -> None:
    """What that has not met yet is left to it."""
    await log.append(1, Kind.BOUNCED, [3], NO_USER)
    await project_all(database)
    await log.append(2, Kind.BOUNCED, [5], NO_USER)
    await rebuild(database, 9)
    await project_all(database)

    assert await suppressions(database) == [(3, "hard_bounce"), (5, "hard_bounce")]


class FailingAtTheEnd(ReturnedSuppressor):
    async def suppress(self, connection: Connection, segments: Sequence[RecordedSegment]) -> None:
        await super().suppress(connection, segments)
        raise RuntimeError("as if the process had died")


async def test_it_is_recorded_with_the_checkpoint_or_not_at_all(database: Database, log: Log) -> None:
    await log.append(1, Kind.BOUNCED, [3], NO_USER)
    failing = projector_on(database, 1)
    failing._suppressor = FailingAtTheEnd(HASHES, SoftBounceRule(3, 30), lambda: NOON, clock.random_id)

    async def fails() -> bool:
        try:
            return await failing.step() and False
        except RuntimeError:
            return True

    await eventually(fails)
    moved = await database.fetch_value("SELECT count(*) FROM projection WHERE position > 0")
    left = (moved, await suppressions(database), await events(database))
    await project_all(database)

    assert left == (0, [], [])
    assert await suppressions(database) == [(3, "hard_bounce")]


@pytest.mark.parametrize(
    ("bounces", "told"),
    [
        pytest.param([(1, 0), (2, 0)], [], id="two are not enough"),
        pytest.param([(1, 0), (2, 10), (3, 29)], [(4, "soft_bounces")], id="three within 30 days"),
        pytest.param([(1, 0), (2, 10), (3, 31)], [], id="three in more than 30 days"),
        pytest.param([(1, 0), (2, 20), (3, 31), (4, 40)], [(4, "soft_bounces")], id="three of four within 30 days"),
        pytest.param([(1, 0), (1, 1), (1, 2), (2, 3)], [], id="one task counts once"),
        pytest.param([(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)], [(4, "soft_bounces")], id="more change nothing"),
    ],
)
async def test_soft_bounces_add_up(
    database: Database, log: Log, bounces: list[tuple[int, int]], told: list[tuple[int, str]]
) -> None:
    """``bounces``: (task, day). Each in a round of its own; somebody else bounced too, once."""
    await log.append(1, Kind.BOUNCED, [9], FULL)
    for task_id, day in bounces:
        await log.append(task_id, Kind.BOUNCED, [4], FULL, days=day)
        await project_all(database)

    assert await suppressions(database) == told


async def test_soft_bounces_of_one_round_add_up_too(database: Database, log: Log) -> None:
    """And say how they did; after that the count begins anew."""
    for task_id in (1, 2, 3):
        await log.append(task_id, Kind.BOUNCED, [4], FULL)
    await project_all(database)
    [row] = await database.fetch("SELECT detail, source FROM suppression")
    await database.execute("DELETE FROM suppression")
    for task_id in (4, 5):
        await log.append(task_id, Kind.BOUNCED, [4], FULL)
    await project_all(database)

    assert row["detail"] == "3 within 30 days"
    assert row["source"] in {"task 1", "task 2", "task 3"}
    assert await suppressions(database) == []


async def test_what_is_too_old_to_count_is_forgotten(database: Database, log: Log) -> None:
    await log.append(1, Kind.BOUNCED, [4], FULL)
    await project_all(database)
    await log.append(2, Kind.BOUNCED, [5], FULL, days=40)
    await project_all(database)

    assert await database.fetch_value("SELECT array_agg(task_id) FROM soft_bounce") == [2]


async def test_trackers_that_count_at_once_miss_no_bounce(database: Database, log: Log) -> None:
    """The second waits for the commit of the first: else each would see two of three."""
    suppressor = ReturnedSuppressor(HASHES, SoftBounceRule(3, 30), lambda: NOON, clock.random_id)

    def round_of(task_id: int) -> list[RecordedSegment]:
        hits = Hits.at_once([4], NOON_MS, FULL)
        return [RecordedSegment(0, TailPosition(), task_id, Kind.BOUNCED, hits, Instant(NOON))]

    async def count(task_id: int) -> None:
        async with database.transaction() as connection:
            await suppressor.suppress(connection, round_of(task_id))

    async def is_one_waiting() -> bool:
        return bool(
            await database.fetch_value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        )

    await count(1)
    async with database.transaction() as connection:
        await suppressor.suppress(connection, round_of(2))
        second = asyncio.create_task(count(3))
        await eventually(is_one_waiting)
    await second

    assert await suppressions(database) == [(4, "soft_bounces")]


async def test_an_sms_is_judged_by_its_receipt(database: Database, log: Log) -> None:
    await database.execute("UPDATE task SET channel = 'sms' WHERE id = 1")
    await database.execute("UPDATE contact_record SET address = '+4917000000' || ordinal WHERE task_id = 1")
    await log.append(1, Kind.BOUNCED, [3], "receipt undeliverable: unknown subscriber")
    await log.append(1, Kind.BOUNCED, [4], "receipt expired: handset off")
    await log.append(1, Kind.BOUNCED, [5], "422 no such number")
    await project_all(database)

    assert await suppressions(database) == [(3, "hard_bounce")]
    assert await database.fetch_value("SELECT channel || address FROM suppression") == "sms+49170000003"


async def test_who_was_erased_meanwhile_holds_up_nobody(database: Database, log: Log) -> None:
    """His record is gone or blank: there is no address to suppress."""
    await database.execute("DELETE FROM contact_record WHERE task_id = 1 AND ordinal = 3")
    await database.execute("UPDATE contact_record SET address = '' WHERE task_id = 1 AND ordinal = 4")
    await log.append(1, Kind.BOUNCED, [3, 4, 5], NO_USER)
    await project_all(database)

    assert await suppressions(database) == [(5, "hard_bounce")]
