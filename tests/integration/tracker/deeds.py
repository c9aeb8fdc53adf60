"""Random deeds of a few people over several tasks, added up plainly beside what the database has added up."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from random import Random
from typing import Any

from services.tracker.metrics import Metrics
from services.tracker.projector.engagement import EngagementProjector
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.settled_commits import wait_for_settled_commits

PEOPLE, TASKS, RECIPIENTS = 40, range(1, 7), 60
DAY_MS = 86_400_000
NOON_MS = 1_800_000_000_000
NOTES = ("5.2.2 mailbox full", "5.1.1 no such user", "")
ALL_SHARDS = range(64)

Who = dict[tuple[int, int], int]  #: the person by task and ordinal

_PLACES = {Kind.OPENED: 0, Kind.CLICKED: 1}


async def add_people(database: Database) -> Who:
    """Who is recipient n of task t. Each person is in most of the tasks, and in some of them twice."""
    await database.execute(
        "INSERT INTO subscriber (id, account_id, email, cdate) "
        "SELECT n, 1, 'p' || n || '@example.com', now() FROM generate_series(1, $1::integer) AS n",
        PEOPLE,
    )
    chance = Random(5)
    who = {(task, ordinal): chance.randint(1, PEOPLE) for task in TASKS for ordinal in range(RECIPIENTS)}
    await database.execute(
        "INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address) "
        "SELECT 0, * , 'x' FROM unnest($1::bigint[], $2::integer[], $3::bigint[])",
        [task for task, _ in who],
        [ordinal for _, ordinal in who],
        list(who.values()),
    )
    return who


def random_log(chance: Random, count: int, first_part: int = 0) -> list[Segment]:
    """Hits of every kind on several days; of bounces with a note. Some are of recipients that there are not."""
    segments = []
    for part in range(first_part, first_part + count):
        columns, kind = HitColumns(), chance.choice(list(Kind))
        for _ in range(chance.randint(1, 30)):
            ordinal, time_ms = chance.randrange(RECIPIENTS + 3), NOON_MS + chance.randrange(10) * DAY_MS // 3
            if kind is Kind.BOUNCED:
                columns.add_noted(ordinal, time_ms, chance.choice(NOTES))
            else:
                columns.add(ordinal, time_ms)
        segments.append(Segment(chance.choice(TASKS), kind, 0, 1, part, columns.take()))
    return segments


def added_up(segments: Iterable[Segment], who: Who) -> tuple[dict[int, Any], dict[Any, int]]:
    """The same rows by plain addition."""
    totals: dict[int, list[Any]] = {}
    days: dict[tuple[int, date], int] = {}
    for segment in segments:
        for ordinal, time_ms, note in zip(segment.hits.ordinals, segment.hits.times, segment.hits.details, strict=True):
            person, place = who.get((segment.task_id, ordinal)), _PLACES.get(segment.kind)
            soft = segment.kind is Kind.BOUNCED and note and segment.hits.notes[note - 1] == NOTES[0]
            if person is None or (place is None and not soft):
                continue
            time, row = datetime.fromtimestamp(time_ms / 1000, UTC), totals.setdefault(person, [0, 0, None, None, None])
            last = 4 if place is None else 2 + place
            row[last] = max(row[last] or time, time)
            if place is not None:
                row[place] += 1
            if segment.kind is Kind.OPENED:
                days[person, time.date()] = days.get((person, time.date()), 0) + 1
    return {person: tuple(row) for person, row in totals.items()}, days


async def stored(database: Database) -> tuple[dict[int, Any], dict[Any, int]]:
    totals = await database.fetch(
        "SELECT subscriber_id, opens, clicks, last_open, last_click, last_soft_bounce FROM engagement "
        "WHERE generation = live_engagement()"
    )
    days = await database.fetch("SELECT subscriber_id, day, opens FROM daily_open WHERE generation = live_engagement()")
    return (
        {row["subscriber_id"]: tuple(row)[1:] for row in totals},
        {(row["subscriber_id"], row["day"]): row["opens"] for row in days},
    )


def engaging(database: Database, shards: Iterable[int] = ALL_SHARDS) -> EngagementProjector:
    return EngagementProjector(database, lambda: list(shards), clock.now, Metrics())


async def engage_all(database: Database, *projectors: EngagementProjector) -> None:
    await wait_for_settled_commits(database)
    for projector in projectors or (engaging(database),):
        while await projector.step():
            pass
