"""What each person did, added up anew: the same, without anybody noticing."""

import asyncio
from random import Random
from typing import Any

import pytest

from services.tracker.projector.engagement import OutOfStep, add_round, position_of
from services.tracker.projector.rebuild import RebuildFailed
from services.tracker.projector.rebuild_engagement import _swap, rebuild_engagement
from services.tracker.projector.statements import STATEMENTS
from shared.delivery_log.append import DeliveryLog
from shared.postgres.database import Database
from tests.integration.tracker.deeds import Who, add_people, added_up, engage_all, engaging, random_log, stored


@pytest.fixture
async def people(database: Database) -> Who:
    return await add_people(database)


async def test_rebuilt_is_live(database: Database, delivery_log: DeliveryLog, people: Who) -> None:
    """Also where the live one was wrong; and nothing of former generations is left."""
    segments = random_log(Random(8), 150)
    await delivery_log.append(segments[:100])
    live = engaging(database)
    await engage_all(database, live)
    await database.execute("UPDATE engagement SET opens = opens + 1 WHERE subscriber_id = 1")

    await rebuild_engagement(database)

    assert await stored(database) == added_up(segments[:100], people)
    await delivery_log.append(segments[100:])
    await engage_all(database, live)
    assert await stored(database) == added_up(segments, people), "who added to the old one adds to the new one"
    for table in ("engagement", "daily_open", "engagement_reached"):
        assert await database.fetch_value(f"SELECT array_agg(DISTINCT generation) FROM {table}") == [2]


async def test_a_rebuild_beside_live_traffic_loses_and_doubles_nothing(
    database: Database, delivery_log: DeliveryLog, people: Who
) -> None:
    segments = random_log(Random(9), 400)
    await delivery_log.append(segments[:200])
    stop = asyncio.Event()

    async def live() -> None:
        projector = engaging(database)
        while not stop.is_set():
            if not await projector.step():
                await asyncio.sleep(0.005)

    async def trickle() -> None:
        for start in range(200, 400, 4):
            await delivery_log.append(segments[start : start + 4])
            await asyncio.sleep(0)

    projecting, trickling = asyncio.create_task(live()), asyncio.create_task(trickle())
    for _ in range(3):
        await rebuild_engagement(database)
    await trickling
    stop.set()
    await projecting
    await engage_all(database)

    assert await stored(database) == added_up(segments, people)


async def test_a_rebuild_that_was_broken_off_is_no_burden(
    database: Database, delivery_log: DeliveryLog, people: Who
) -> None:
    """Nobody reads what it left; the next one removes it, and it cannot go on itself."""
    segments = random_log(Random(10), 100)
    await delivery_log.append(segments)
    await engage_all(database)
    begun = await database.fetch(STATEMENTS["begin_engagement"])
    reached = {row["shard"]: position_of(row) for row in begun}
    async with database.transaction() as connection:
        added = await add_round(connection, begun[0]["generation"], reached)
    assert await stored(database) == added_up(segments, people)

    await rebuild_engagement(database)

    with pytest.raises(OutOfStep):
        async with database.transaction() as connection:
            await add_round(connection, begun[0]["generation"], reached)
    assert added.reached
    assert await stored(database) == added_up(segments, people)
    assert await database.fetch_value("SELECT array_agg(DISTINCT generation) FROM engagement") == [3]


async def test_one_that_dies_once_it_is_live_leaves_no_former_one(
    database: Database, delivery_log: DeliveryLog, people: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To which trackers would go on adding, and behind whose place nothing could be merged ever again."""
    segments = random_log(Random(12), 100)
    await delivery_log.append(segments[:50])
    live = engaging(database)
    await engage_all(database, live)

    async def swap(*args: Any) -> None:
        await _swap(*args)
        raise SystemError("killed")

    monkeypatch.setattr("services.tracker.projector.rebuild_engagement._swap", swap)
    with pytest.raises(SystemError):
        await rebuild_engagement(database)
    await delivery_log.append(segments[50:])
    await engage_all(database, live)

    assert await database.fetch_value("SELECT array_agg(DISTINCT generation) FROM engagement_reached") == [2]
    assert await stored(database) == added_up(segments, people)


async def test_of_two_rebuilds_the_later_one_wins(
    database: Database, delivery_log: DeliveryLog, people: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = random_log(Random(11), 100)
    await delivery_log.append(segments)
    await engage_all(database)
    real, overtaken = Database.transaction, False

    def transaction(self: Database) -> Any:
        nonlocal overtaken
        if overtaken:
            return real(self)
        overtaken = True
        return _After(rebuild_engagement(database), real(self))

    monkeypatch.setattr(Database, "transaction", transaction)
    with pytest.raises(RebuildFailed, match="another rebuild"):
        await rebuild_engagement(database)

    assert await stored(database) == added_up(segments, people)


class _After:
    """A transaction that begins once something else has happened."""

    def __init__(self, first: Any, then: Any) -> None:
        self._first, self._then = first, then

    async def __aenter__(self) -> Any:
        await self._first
        return await self._then.__aenter__()

    async def __aexit__(self, *error: object) -> Any:
        return await self._then.__aexit__(*error)
