"""``/events`` tells of segments that are one by now what it told of them when they were many."""

import asyncio
from typing import Any

import pytest

from services.api.published.received_sms import read_received
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.event_store.interface import RecordedEvent
from shared.postgres.database import Database, Row
from tests.integration.api.conftest import Client, Ready
from tests.integration.api.test_events import TASK, account_of, owner, read_all
from tests.integration.published_rig import add_sent_task
from tests.integration.settled_commits import wait_for_settled_commits
from tests.integration.tracker.compacting import append_one_by_one, compact, let_it_be_long_ago, rows_of_log

__all__ = ["owner"]  # a fixture

AT_MS = 1_700_000_000_250
READERS = ("projection", "engagement_reached", "callback_reached", "delivery_reached")


def of_producer(part: int, kind: Kind, count: int) -> Segment:
    columns = HitColumns()
    for ordinal in range(count):
        columns.add(ordinal, AT_MS + part * 1_000 + ordinal)
    return Segment(TASK, kind, -7, 0, part, columns.take())


async def fill(client: Client, ready: Ready, database: Database, owner: Database) -> list[Any]:
    """Two kinds by turns, some of more recipients than one event names, and tasks between them. Long ago by now."""
    await add_sent_task(database, TASK, account_of(client), recipients=1_500)
    for part in range(12):
        kind, count = (Kind.OPENED, 3) if part % 2 else (Kind.CLICKED, 1_200 if part in (4, 10) else 2)
        await append_one_by_one(DeliveryLog(database), [of_producer(part, kind, count)])
        if part % 4 == 0:
            await client.post("/task", ready.task(name=f"News {part}"))
    await let_it_be_long_ago(owner)
    await wait_for_settled_commits(database)
    return await read_all(client)


async def let_everybody_have_read(owner: Database) -> None:
    for table in READERS:
        await owner.execute(f"UPDATE {table} SET store_epoch = 1000")


def by_id(events: list[Any]) -> dict[str, Any]:
    """Each as it is told, but for where it stands."""
    return {event["id"]: {name: value for name, value in event.items() if name != "cursor"} for event in events}


async def test_the_same_events_are_told_by_the_same_ids(
    client: Client, ready: Ready, database: Database, owner: Database
) -> None:
    """Each once from the beginning; behind an earlier cursor all that was not told, and nothing that never was."""
    before = await fill(client, ready, database, owner)
    await let_everybody_have_read(owner)

    await compact(database)

    after = await read_all(client)
    assert await rows_of_log(database) == 2
    assert len(before) == len(after) == 17
    assert by_id(after) == by_id(before)
    for place, event in enumerate(before):
        again = by_id(await read_all(client, f"after={event['cursor']}"))
        assert again.keys() >= by_id(before[place + 1 :]).keys()
        assert again.items() <= by_id(before).items()
    for place, event in enumerate(after):
        assert await read_all(client, f"count=2&after={event['cursor']}") == after[place + 1 :]


async def test_what_is_merged_while_a_page_is_read_is_told(
    client: Client, ready: Ready, database: Database, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between finding the segments and reading their hits: the page is looked for once more."""
    before = await fill(client, ready, database, owner)
    await let_everybody_have_read(owner)

    async def merged_meanwhile(database: Database, events: list[RecordedEvent]) -> dict[int, Row]:
        await compact(database)
        return dict(await read_received(database, events))

    monkeypatch.setattr("services.api.resources.event.read.read_received", merged_meanwhile)

    async with asyncio.timeout(60):
        assert by_id(await read_all(client, "count=5")) == by_id(before)
    assert await rows_of_log(database) == 2
