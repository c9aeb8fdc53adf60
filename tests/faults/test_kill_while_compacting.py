"""A tracker dies while it makes one segment of many, beside the counting of what comes in: nothing is off by one."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest

from services.tracker.projector.rebuild import rebuild
from services.tracker.projector.rebuild_engagement import rebuild_engagement
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_sets
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.faults.test_kill_at_each_place_of_counting import _DEEDS, _HITS, _PEOPLE
from tests.faults.world import World, world_on
from tests.integration.tracker.called_back import add_account, add_campaign
from tests.integration.tracker.compacting import append_one_by_one, let_it_be_long_ago, originals
from tests.integration.tracker.test_rebuild import dump_hash

COMPACTING: Final = ("segments.merging", "segments.merged")
KINDS: Final = (Kind.OPENED, Kind.CLICKED)
RECIPIENTS, SECONDS, READER = 500, 90.0, -7
EACH: Final = 40  #: segments before each kill, and as many beside it

_DEEDS_OF_LIVE: Final = """
SELECT coalesce(sum(opens + clicks), 0)::bigint FROM engagement WHERE generation = live_engagement()"""


class Trickle:
    """Opens and clicks, one a segment, each by a name of its own."""

    def __init__(self, database: Database, task_id: int, dice: random.Random) -> None:
        self._log = DeliveryLog(database)
        self._task_id = task_id
        self._dice = dice
        self.count = 0
        self.people: dict[Kind, set[int]] = {kind: set() for kind in KINDS}

    async def flow(self, count: int) -> None:
        for _ in range(count):
            kind, ordinal, columns = self._dice.choice(KINDS), self._dice.randrange(RECIPIENTS), HitColumns()
            columns.add(ordinal, 1_790_000_000_000 + self.count)
            await append_one_by_one(self._log, [Segment(self._task_id, kind, READER, 0, self.count, columns.take())])
            self.people[kind].add(ordinal)
            self.count += 1


@pytest.mark.timeout(180)
@pytest.mark.fault("F3", "kill -9 of a tracker that merges segments", expects="no hit is lost or counted twice")
async def test_every_hit_counts_once_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """In sets, totals and deeds, out of a rebuild too; and each segment that was brought is still there by its name."""
    async with world_on(database_url, tmp_path) as world:
        await add_account(world.database)
        [task_id] = await add_campaign(world.database, 1, None, recipients=RECIPIENTS)
        await world.database.execute(_PEOPLE, RECIPIENTS)
        await world.database.execute("UPDATE delivery_reached SET store_epoch = 1000")  # no API is running
        trickle = Trickle(world.database, task_id, dice)
        places = [place for _ in range(rounds) for place in dice.sample(COMPACTING, len(COMPACTING))]
        for place in places:
            await trickle.flow(EACH)
            await let_it_be_long_ago(world.owner)
            await asyncio.gather(world.strike("tracker", place, dice.randint(1, 2)), trickle.flow(EACH))
        await let_it_be_long_ago(world.owner)
        world.service("tracker").start()
        rows = await once_all_is_merged(world, task_id, trickle.count)
        lost, wrong = await reckon(world.database, task_id, trickle)

    measured.add(kills=len(places), hits=trickle.count, rows_left=rows, lost=lost, counted_wrongly=wrong, rounds=rounds)
    assert (lost, wrong) == (0, 0)


async def once_all_is_merged(world: World, task_id: int, hits: int) -> int:
    """And counted, by every reader. Answers how many segments there are then."""
    database = world.database
    async with asyncio.timeout(SECONDS):
        while (
            await database.fetch_value(_HITS, task_id, list(KINDS)) < hits or await database.fetch_value(_DEEDS) < hits
        ):
            await asyncio.sleep(0.05)
        while (rows := await database.fetch_value("SELECT count(*) FROM segment")) > hits // 5:
            await asyncio.sleep(0.05)
    return int(rows)


async def reckon(database: Database, task_id: int, trickle: Trickle) -> tuple[int, int]:
    """Segments whose name is gone; and by how much sets, totals and deeds are off, as they are and built anew."""
    names = {name[3] for name in await originals(database)}
    wrong = 0
    before = await dump_hash(database)
    await rebuild(database, owner=77)
    wrong += before != await dump_hash(database)
    for _ in range(2):
        sets = await read_sets(database, task_id, KINDS)
        wrong += sum(len(set(sets[kind]) ^ trickle.people[kind]) for kind in KINDS)
        wrong += abs(await database.fetch_value(_HITS, task_id, list(KINDS)) - trickle.count)
        wrong += abs(await database.fetch_value(_DEEDS_OF_LIVE) - trickle.count)
        await rebuild_engagement(database)
    return len(set(range(trickle.count)) - names), wrong
