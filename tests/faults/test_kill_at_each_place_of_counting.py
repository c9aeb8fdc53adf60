"""A tracker dies at each place of counting and telling: counts are exact, and every event is told by the same call."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from shared.delivery_log.ordinal_sets import read_counts, read_sets
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.faults.world import World, world_on
from tests.integration.dispatcher.dispatching import recorded
from tests.integration.tracker.called_back import add_account, add_campaign, happened, segment, told_by
from tests.sinks.receiver import Receiver

COUNTING: Final = ("projector.counted", "projector.committed", "engagement.counted")
TELLING: Final = ("callback.cut", "callback.due", "callback.answered", "callback.settled")
KINDS: Final = (Kind.SUBMITTED, Kind.OPENED, Kind.CLICKED)
RECIPIENTS, SECONDS = 2_000, 60.0
_PEOPLE: Final = """
INSERT INTO subscriber (id, account_id, email, cdate)
SELECT n, 1, 'p' || n || '@example.com', now() FROM generate_series(1, $1::integer) AS n"""
_HITS: Final = """
SELECT coalesce(sum(hits), 0)::bigint FROM hit_series WHERE task_id = $1 AND kind = ANY ($2::smallint[]) AND link = 0"""
_DEEDS: Final = "SELECT coalesce(sum(opens + clicks), 0)::bigint FROM engagement"


async def much_happens(database: Database, task_id: int, dice: random.Random) -> Counter[Kind]:
    """Many hits of each kind, many of them of the same people. Answers how many of each."""
    segments = [segment(task_id, kind, dice.choices(range(RECIPIENTS), k=100)) for kind in KINDS for _ in range(3)]
    await happened(database, *segments)
    return Counter({kind: sum(len(each.hits) for each in segments if each.kind is kind) for kind in KINDS})


@pytest.mark.timeout(120)
@pytest.mark.fault("F3", "kill -9 of a tracker at each place of counting", expects="no count is off by one")
async def test_counts_are_exact_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Sets are those of the log, and hits are counted once each."""
    async with world_on(database_url, tmp_path) as world:
        await add_account(world.database)
        [task_id] = await add_campaign(world.database, 1, None, recipients=RECIPIENTS)
        await world.database.execute(_PEOPLE, RECIPIENTS)
        hits = Counter[Kind]()
        for place in [place for _ in range(rounds) for place in dice.sample(COUNTING, len(COUNTING))]:
            hits += await much_happens(world.database, task_id, dice)
            await world.strike("tracker", place)
        world.service("tracker").start()
        missing, wrong = await once_all_is_counted(world, task_id, hits)

    measured.add(kills=len(COUNTING) * rounds, hits=hits.total(), lost=missing, counted_wrongly=wrong, rounds=rounds)
    assert (missing, wrong) == (0, 0)


async def once_all_is_counted(world: World, task_id: int, hits: Counter[Kind]) -> tuple[int, int]:
    """Who is in the log and in no set, and by how much counts and totals are off. A total too low is waited for."""
    database, deeds = world.database, hits[Kind.OPENED] + hits[Kind.CLICKED]
    async with asyncio.timeout(SECONDS):
        while (counted := await database.fetch_value(_HITS, task_id, list(KINDS))) < hits.total():
            await asyncio.sleep(0.05)
        while (added := await database.fetch_value(_DEEDS)) < deeds:
            await asyncio.sleep(0.05)
    in_log, sets = await recorded(database, task_id), await read_sets(database, task_id, KINDS)
    counts = (await read_counts(database, [task_id]))[task_id]
    missing = sum(len(in_log[kind] - sets[kind]) for kind in KINDS)
    wrong = sum(abs(counts[kind] - len(in_log[kind])) for kind in KINDS)
    return missing, wrong + abs(counted - hits.total()) + abs(added - deeds)


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F4", "kill -9 of a tracker at each place of a callback", expects="every event told, a repeat is the same"
)
async def test_every_event_is_told_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Each person once for each event, however often the call that names him was made."""
    async with world_on(database_url, tmp_path) as world, Receiver() as receiver:
        await add_account(world.database)
        [task_id] = await add_campaign(world.database, 1, f"{receiver.url}/called", recipients=RECIPIENTS)
        places = [place for _ in range(rounds) for place in dice.sample(TELLING, len(TELLING))]
        for number, place in enumerate(places):
            await happened(world.database, segment(task_id, Kind.SUBMITTED, [number]))
            await world.strike("tracker", place)
        world.service("tracker").start()
        people = {f"p{number}+x@example.com" for number in range(len(places))}
        async with asyncio.timeout(SECONDS):
            while people - named_by(receiver):
                await asyncio.sleep(0.05)

    calls = {(told_by(request).id, request.body) for request in receiver.requests}
    once = [person for _, body in calls for person in people_in(receiver, body)]
    measured.add(kills=len(places), lost=len(people - set(once)), calls=len(calls), rounds=rounds)
    measured.add(calls_repeated=len(receiver.requests) - len(calls))
    assert len({call_id for call_id, _ in calls}) == len(calls), "a repeat is another call"
    assert sorted(once) == sorted(people)


def named_by(receiver: Receiver) -> set[str]:
    return {person for request in receiver.requests for person in request.people}


def people_in(receiver: Receiver, body: bytes) -> Iterable[str]:
    return next(request.people for request in receiver.requests if request.body == body)
