"""Nobody who reads the log finds anything else in it when small segments have become large ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest

from services.api.resources.task.contacts import _gather as gather_history
from services.api.resources.task.select_contacts import NOTED_KINDS, Findings
from services.dispatcher.jobs.campaigns import hits
from services.dispatcher.sending.journal_records import Hold
from services.dispatcher.sending.recover import stored_outcomes
from services.tracker.compactor.statements import STATEMENTS
from services.tracker.metrics import Metrics
from services.tracker.projector.rebuild import rebuild
from services.tracker.projector.rebuild_engagement import rebuild_engagement
from shared.delivery_log.append import DeliveryLog, Entry, append_in
from shared.delivery_log.merged import Original, encode_originals, join_hits
from shared.delivery_log.segments import Segment, decode_hits, encode_hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.postgres.database import Database, Row
from tests.integration.tracker.compacting import (
    LONG_AGO_MS,
    RECIPIENTS,
    SENT,
    TASKS,
    compact,
    grown,
    let_everybody_read,
    let_it_be_long_ago,
    opened,
    originals,
    rows_of_log,
    trickled,
)
from tests.integration.tracker.readers import TASK, Reader
from tests.integration.tracker.running_projectors import all_projected, eventually
from tests.integration.tracker.test_rebuild import dump_hash

_ENGAGEMENT = """
SELECT subscriber_id, opens, clicks, last_open, last_click, last_soft_bounce
  FROM engagement
 WHERE generation = live_engagement()
 ORDER BY subscriber_id"""


async def told(database: Database) -> dict[str, Any]:
    """What each reader finds: histories, exports, batches, sets and series out of a rebuild, and deeds of people."""
    await rebuild(database, owner=77)
    await rebuild_engagement(database)
    found: dict[str, Any] = {
        "projection": await dump_hash(database),
        "people": [tuple(row) for row in await database.fetch(_ENGAGEMENT)],
        "log": await originals(database),
    }
    for task in TASKS:
        history = Findings(0, RECIPIENTS)
        await gather_history(database, task, history)
        export = await hits.read_times(database, task, 0, RECIPIENTS)
        somebody = [*range(9), *range(9, RECIPIENTS, 97)]
        found[f"history {task}"] = [
            (history.time(kind, o), history._notes.get(kind, {}).get(o)) for kind in NOTED_KINDS for o in somebody
        ]
        found[f"export {task}"] = [(export.time(Kind.SUBMITTED, o), export.clicks(o)) for o in somebody]
        for hold in (Hold(task, batch, epoch) for batch in SENT for epoch in (1, 2, 3)):
            stored = await stored_outcomes(database, hold)
            found[f"batch {hold}"] = (stored.final, stored.deferred, stored.deferred_before, stored.next_part)
    return found


async def people(owner: Database) -> None:
    await owner.execute(
        "INSERT INTO subscriber (id, account_id, email, cdate) "
        "SELECT n, 1, 'p' || n || '@example.com', now() FROM generate_series(0, 8) AS n"
    )
    await owner.execute(
        "INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address) "
        "SELECT 0, task, n, n, '' FROM generate_series(1, 3) AS task, generate_series(0, 8) AS n"
    )


@pytest.mark.parametrize("seed", range(3))
async def test_every_reader_finds_what_he_found_before(database: Database, owner: Database, seed: int) -> None:
    """Byte for byte in what is counted, hit for hit and name for name in the log; and in fewer rows."""
    await people(owner)
    segments = trickled(Random(seed), 300)
    await grown(database, owner, segments)
    before, rows, metrics = await told(database), await rows_of_log(database), Metrics()
    await let_everybody_read(database)

    await compact(database, metrics=metrics)

    left = await rows_of_log(database)
    assert rows == 300
    assert left < rows * 0.8
    assert metrics.segments_merged._value.get() - metrics.segments_made._value.get() == rows - left
    after = await told(database)
    assert {name for name in before if before[name] != after[name]} == set()
    assert before["people"]


async def test_what_is_brought_once_more_is_known(database: Database, owner: Database) -> None:
    """By a journal that is found late, or a commit whose answer was lost: nothing is stored twice, new names are."""
    segments = trickled(Random(5), 60)
    await grown(database, owner, segments)
    await compact(database)
    before = await originals(database)

    await DeliveryLog(database).append(segments)
    for segment in segments:
        await DeliveryLog(database).append([segment])

    assert await originals(database) == before
    first = segments[0]
    fresh = Segment(first.task_id, first.kind, first.batch, first.epoch, 5_000, first.hits)
    await DeliveryLog(database).append([*segments, fresh])
    assert (await originals(database)).keys() - before.keys() == {(first.task_id, first.batch, first.epoch, 5_000)}


async def test_what_is_brought_once_more_while_it_is_merged_waits(database: Database, owner: Database) -> None:
    """And knows then what became of its name: the key it had is gone."""
    several = [opened(part, part) for part in range(3)]
    await grown(database, owner, several)
    rows = await database.fetch("SELECT hits FROM segment ORDER BY part")
    joined = join_hits(decode_hits(row["hits"]) for row in rows)
    names = encode_originals([Original(part, part, 1, 0) for part in range(3)])
    async with database.transaction() as connection:
        args = (shard_of(1), 1, -7, 0, [0, 1, 2], None, encode_hits(joined), names)
        assert await connection.fetch_value(STATEMENTS["merge_segments"], *args)
        repeating = asyncio.create_task(DeliveryLog(database).append(several[:1]))
        async with asyncio.timeout(30):
            while not await owner.fetch_value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0.01)
    await repeating

    assert await rows_of_log(database) == 1


async def test_a_name_used_again_for_new_hits_is_known(database: Database, owner: Database) -> None:
    """Their times do not tell that it may have been merged; whoever uses a name again says so."""
    await grown(database, owner, [opened(part, part) for part in range(3)])
    await compact(database)
    new = opened(1, 1, time_ms=4_000_000_000_000)

    async with database.transaction() as connection:
        await append_in(connection, [Entry([new], again=True)])

    assert await rows_of_log(database) == 1


async def test_a_wish_repeated_a_day_later_changes_nothing(reader: Reader, database: Database, owner: Database) -> None:
    """Two have unsubscribed, and their segments are one by now; one of them does it once more."""
    for ordinal in (5, 6):
        assert await reader.unsubscribe(ordinal) == 200
    await eventually(lambda: all_projected(database))
    await let_everybody_read(database)
    await let_it_be_long_ago(owner)
    await compact(database)
    rows = await rows_of_log(database)

    assert await reader.unsubscribe(5) == 200

    assert (rows, await rows_of_log(database)) == (1, 1)
    assert {name[3] for name in await originals(database) if name[0] == TASK} == {5, 6}


class BetweenPages:
    """A database on which, after each page that is read of it, everything is compacted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            self._reading = connection
            yield self

    async def execute(self, statement: str, *args: object) -> int:
        return await self._reading.execute(statement, *args)

    async def fetch(self, statement: str, *args: object) -> list[Row]:
        rows = await self._reading.fetch(statement, *args)
        await compact(self._database)
        return rows


async def test_an_export_names_each_click_once_while_segments_are_merged(
    database: Database, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads page by page, and what it has read becomes part of what it has not."""
    monkeypatch.setattr(hits, "SEGMENTS_AT_ONCE", 2)
    clicks = [replace(opened(part, 5, LONG_AGO_MS + 1_000 * part), kind=Kind.CLICKED) for part in range(6)]
    await grown(database, owner, clicks)

    times = await hits.read_times(cast(Database, BetweenPages(database)), 1, 0, 9)

    assert [second - LONG_AGO_MS // 1000 for second, _ in times.clicks(5)] == list(range(6))
    assert await rows_of_log(database) == 1
