"""A rebuild gives what is live, byte for byte, without anybody noticing."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from services.tracker.decisions.rule_sets import RULE_SETS, RuleSet
from services.tracker.projector.rebuild import RebuildFailed, UnknownRules, rebuild
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_counts, read_people, read_sets
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.evidence import Agent
from shared.postgres.database import Database
from tests.integration.tracker.brute_force import NOON_MS, assert_projected, people_of, random_segments
from tests.integration.tracker.running_projectors import (
    all_projected,
    eventually,
    kill,
    project_all,
    start_projecting,
)

TASKS = list(range(1, 9))
RAW = (
    """SELECT task_id, kind, link, chunk, bits, cardinality FROM ordinal_set
         JOIN projection USING (shard, generation) WHERE live AND kind < 64 ORDER BY 1, 2, 3, 4""",
    """SELECT task_id, kind, link, minute, hits FROM hit_series
         JOIN projection USING (shard, generation) WHERE live ORDER BY 1, 2, 3, 4""",
)
EVERYTHING = (
    *RAW,
    """SELECT task_id, kind, link, chunk, bits, cardinality FROM ordinal_set
         JOIN projection USING (shard, generation) WHERE live AND kind >= 64 ORDER BY 1, 2, 3, 4""",
)


async def dump_hash(database: Database, dumps: Sequence[str] = EVERYTHING) -> str:
    """Of what is projected, in order, the bits byte for byte."""
    digest = hashlib.sha256()
    for dump in dumps:
        for row in await database.fetch(dump):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


async def generations_of(database: Database) -> set[int]:
    """Of which there are rows anywhere."""
    tables = ("projection", "ordinal_set", "hit_series")
    found = [await database.fetch(f"SELECT DISTINCT generation FROM {table}") for table in tables]
    return {row["generation"] for rows in found for row in rows}


@pytest.mark.parametrize("seed", range(20))
async def test_rebuilt_is_live_wherever_the_projector_was_cut(
    database: Database, delivery_log: DeliveryLog, seed: int
) -> None:
    """Live: projected piece by piece, the projector killed at random. Rebuilt: in one go. The same bytes."""
    chance = Random(seed)
    segments = random_segments(chance, TASKS, 60, most_hits=3000 if seed % 4 == 0 else 40)
    projecting = start_projecting(database, 1)
    for start in range(0, 60, 5):
        await delivery_log.append(segments[start : start + 5])
        if chance.random() < 0.4:
            await asyncio.sleep(chance.random() * 0.01)
            await kill(projecting)
            projecting = start_projecting(database, 1)
    await eventually(lambda: all_projected(database))
    await kill(projecting)
    live = await dump_hash(database)

    await rebuild(database, owner=77)

    assert await dump_hash(database) == live
    assert await generations_of(database) == {2}


@pytest.fixture
def stricter_rules(monkeypatch: pytest.MonkeyPatch) -> int:
    """A later rule set: whoever is not a browser is a machine, and two links are a burst."""
    later = RuleSet(lambda evidence: evidence.agent == Agent.BROWSER, lambda evidence: evidence.company > 0)
    monkeypatch.setitem(RULE_SETS, 2, later)
    return 2


async def machines_of(database: Database) -> Counter[Kind]:
    """Of all tasks together."""
    found: Counter[Kind] = Counter()
    for task in TASKS:
        uniques = await read_sets(database, task, [Kind.OPENED, Kind.CLICKED])
        for kind, people in (await people_of(database, task)).items():
            found[kind] += len(set(uniques[kind]) - people)
    return found


async def test_changed_rules_come_to_old_sends_by_a_rebuild_and_change_nothing_else(
    database: Database, delivery_log: DeliveryLog, stricter_rules: int
) -> None:
    """The machines are others; uniques, totals and series are the same bytes. And back again."""
    await delivery_log.append(random_segments(Random(12), TASKS, 300))
    await project_all(database)
    raw, judged, machines = await dump_hash(database, RAW), await dump_hash(database), await machines_of(database)

    await rebuild(database, owner=77)
    changed = await machines_of(database)

    assert await dump_hash(database, RAW) == raw
    assert changed[Kind.OPENED] > machines[Kind.OPENED] > 0
    assert changed[Kind.CLICKED] > machines[Kind.CLICKED] > 0
    await rebuild(database, owner=78, rules=1)
    assert (await dump_hash(database), await machines_of(database)) == (judged, machines)


async def test_what_comes_later_is_judged_by_the_rules_of_its_generation(
    database: Database, delivery_log: DeliveryLog, stricter_rules: int
) -> None:
    """A newer rule set is not used before a rebuild, and after it live and rebuilt are the same bytes."""
    first, second, third = (random_segments(Random(seed), TASKS, 100) for seed in (13, 14, 15))
    numbered = [replace(s, batch=batch) for batch, segments in enumerate((first, second, third)) for s in segments]
    await delivery_log.append(numbered[:100])
    await project_all(database)
    await delivery_log.append(numbered[100:200])
    await project_all(database)
    await assert_projected(database, TASKS, numbered[:200])

    await rebuild(database, owner=77)
    await delivery_log.append(numbered[200:])
    await project_all(database)
    live = await dump_hash(database)
    await rebuild(database, owner=78)

    assert await dump_hash(database) == live


async def test_what_was_counted_before_there_were_rules_is_judged_by_a_rebuild(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """Until then no machines are known, rather than everybody taken for one."""
    await delivery_log.append(random_segments(Random(16), TASKS, 100))
    await database.execute("UPDATE projection SET rules = 0")
    await project_all(database)
    before = [await read_people(database, task) for task in TASKS]

    await rebuild(database, owner=77)

    assert before == [None] * len(TASKS)
    assert (await machines_of(database))[Kind.OPENED] > 0


async def test_a_rule_set_that_there_is_not_begins_nothing(database: Database) -> None:
    with pytest.raises(UnknownRules, match="no rule set 9: 0, 1"):
        await rebuild(database, owner=77, rules=9)

    assert await generations_of(database) == {1}


async def test_a_rebuild_beside_live_traffic_loses_and_doubles_nothing(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """Hits come in and two trackers project them before, during and after three rebuilds."""
    chance = Random(6)
    segments = random_segments(chance, TASKS, 600)
    await delivery_log.append(segments[:300])
    trackers = [start_projecting(database, owner) for owner in (1, 2)]

    async def trickle() -> None:
        for start in range(300, 600, 3):
            await delivery_log.append(segments[start : start + 3])
            await asyncio.sleep(0)

    trickling = asyncio.create_task(trickle())
    for owner in (77, 78, 79):
        await rebuild(database, owner)
    await trickling
    await eventually(lambda: all_projected(database))
    for tracker in trackers:
        await kill(tracker)

    await assert_projected(database, TASKS, segments)
    assert await generations_of(database) == {4}


async def test_counts_never_go_back_while_a_rebuild_takes_over(database: Database, delivery_log: DeliveryLog) -> None:
    """A reader sees the old generation or the new one, never a part of either."""
    segments = [Segment(7, Kind.OPENED, 0, 1, part, Hits.at_once([part], NOON_MS)) for part in range(400)]
    await delivery_log.append(segments)
    await project_all(database)
    rebuilding = asyncio.create_task(rebuild(database, owner=77))

    while not rebuilding.done():
        assert await read_counts(database, [7]) == {7: {Kind.OPENED: 400}}
    await rebuilding


async def test_a_rebuild_that_was_broken_off_is_no_burden(database: Database, delivery_log: DeliveryLog) -> None:
    """What it left is not read, and the next one clears it away and begins afresh."""
    segments = random_segments(Random(8), TASKS, 200)
    await delivery_log.append(segments)
    await project_all(database)
    live = await dump_hash(database)
    rounds = 0

    def die(_: int) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rebuild(database, owner=77, progress=die)
    between = await dump_hash(database)
    await rebuild(database, owner=78)

    assert live == between == await dump_hash(database)
    assert await generations_of(database) == {2}


async def test_a_rebuild_that_another_replaced_stores_nothing_more(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """The last one to start wins; the first one stops and says why."""
    segments = random_segments(Random(9), TASKS, 600, most_hits=200)
    await delivery_log.append(segments)
    await project_all(database)
    begun = asyncio.Event()
    first = asyncio.create_task(rebuild(database, 77, progress=lambda _: begun.set()))
    await begun.wait()

    await rebuild(database, 78)

    with pytest.raises(RebuildFailed, match="another rebuild"):
        await first
    await assert_projected(database, TASKS, segments)
