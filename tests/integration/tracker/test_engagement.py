"""What each person did, added up over all tasks: each hit once, whoever adds it."""

import asyncio
from random import Random

import pytest

from services.tracker.metrics import Metrics
from services.tracker.projector.engagement import EngagementProjector, position_of
from services.tracker.projector.rebuild import rebuild
from services.tracker.projector.statements import STATEMENTS
from shared.audience.count import count_mailable, open_audience
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.settled_commits import wait_for_settled_commits
from tests.integration.tracker.deeds import (
    ALL_SHARDS,
    NOON_MS,
    Who,
    add_people,
    added_up,
    engage_all,
    engaging,
    random_log,
    stored,
)
from tests.integration.tracker.readers import Reader
from tests.integration.tracker.running_projectors import eventually


@pytest.fixture
async def people(database: Database) -> Who:
    return await add_people(database)


async def test_every_open_click_and_soft_bounce_counts_once(
    database: Database, delivery_log: DeliveryLog, people: Who
) -> None:
    segments = random_log(Random(1), 120)
    await delivery_log.append(segments)

    await engage_all(database)
    await engage_all(database)

    assert await stored(database) == added_up(segments, people)


async def test_it_goes_on_where_it_stood(database: Database, delivery_log: DeliveryLog, people: Who) -> None:
    """Also a new one after a restart; counts add up, and the last is the latest, whatever came last."""
    segments = random_log(Random(2), 120)
    await delivery_log.append(segments[:60])
    first = engaging(database)
    await engage_all(database, first)
    await delivery_log.append(segments[60:90])
    await engage_all(database, first)
    await delivery_log.append(segments[90:])
    await engage_all(database)

    assert await stored(database) == added_up(segments, people)


async def test_any_number_of_them_at_once_count_once(
    database: Database, delivery_log: DeliveryLog, people: Who
) -> None:
    """All believe that every shard is theirs; who does not stand where he read from adds nothing."""
    segments = random_log(Random(3), 300)
    for start in range(0, 300, 30):
        await delivery_log.append(segments[start : start + 30])
    await wait_for_settled_commits(database)

    await asyncio.gather(*(engage_all(database, engaging(database)) for _ in range(4)))

    assert await stored(database) == added_up(segments, people)


async def test_each_adds_the_shards_it_holds(database: Database, delivery_log: DeliveryLog, people: Who) -> None:
    """And those it is given later."""
    segments = random_log(Random(4), 120)
    await delivery_log.append(segments)
    held = {int(shard_of(1))}
    projector = EngagementProjector(database, lambda: held, clock.now, Metrics())

    await engage_all(database, projector)
    assert await stored(database) == added_up([s for s in segments if shard_of(s.task_id) in held], people)
    held |= set(ALL_SHARDS)
    await engage_all(database, projector)
    assert await stored(database) == added_up(segments, people)
    held.clear()
    assert not await projector.step()


async def test_what_other_kinds_hold_is_not_even_read(database: Database, delivery_log: DeliveryLog) -> None:
    """The mass of a send is what was submitted: it is passed over, and not looked at again."""
    await delivery_log.append(
        [Segment(1, Kind.SUBMITTED, 0, 1, part, Hits.at_once([0], NOON_MS)) for part in range(50)]
    )
    await engage_all(database)
    reached = await database.fetch(STATEMENTS["engagement_reached"], [shard_of(1)])

    last = await database.fetch_value("SELECT max(position) FROM segment")
    assert [position_of(row).position for row in reached] == [last]
    assert await stored(database) == ({}, {})


async def test_who_is_erased_leaves_nothing_and_comes_not_back(
    database: Database, delivery_log: DeliveryLog, people: Who
) -> None:
    segments = random_log(Random(6), 120)
    await delivery_log.append(segments[:60])
    await engage_all(database)
    await database.execute("DELETE FROM subscriber WHERE id <= 20")
    assert min((await stored(database))[0]) > 20
    await delivery_log.append(segments[60:])
    await engage_all(database)

    totals, days = added_up(segments, people)
    assert await stored(database) == (
        {person: row for person, row in totals.items() if person > 20},
        {key: opens for key, opens in days.items() if key[0] > 20},
    )


async def test_a_rebuild_of_the_counts_leaves_it_alone(
    database: Database, delivery_log: DeliveryLog, people: Who
) -> None:
    """Wherever the one and the other stand."""
    segments = random_log(Random(7), 100)
    await delivery_log.append(segments[:50])
    await engage_all(database)
    await delivery_log.append(segments[50:])
    await wait_for_settled_commits(database)
    await rebuild(database, owner=77)
    await engage_all(database)

    assert await stored(database) == added_up(segments, people)


async def test_a_reader_who_clicks_is_found_by_a_search(reader: Reader, database: Database) -> None:
    """By a running tracker, a moment later, and by nobody's counting but its own."""
    for ordinal in (5, 5, 6):
        await reader.open(ordinal)
    await reader.click(6, 1)

    async def found(**entries: object) -> int:
        query = {"criteria": [entries.pop("criteria")], **{name: [entry] for name, entry in entries.items()}}
        audience = await open_audience(database, 1, None, query, clock.now())
        return await count_mailable(database, 1, audience, "email", "marketing")

    async def both_found() -> bool:
        opened = await found(criteria="open_time", timerange="since_days", value=1)
        return opened == 2 and await found(criteria="click_time", timerange="ever") == 1

    await eventually(both_found)
    assert await found(criteria="engagement_min", engagement=6) == 1
    assert await found(criteria="daily_open", timerange="since_days", value=1, compare="min", compare_value=2) == 1
