"""Counts are exact: repeated, shuffled, shared out or killed, they are those of plain sets over what was stored."""

import asyncio
import itertools
from collections import Counter
from random import Random

from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.delivery_log.ordinal_sets import read_counts, read_sets, read_totals
from shared.delivery_log.segments import Segment, decode_hits
from shared.domain.delivery import EVENTS, Kind
from shared.domain.identifiers import shard_of
from shared.event_store.interface import TailPosition
from shared.postgres.database import Database, Row
from tests.integration.tracker.brute_force import NOON_MS, assert_projected, people_of, random_segments
from tests.integration.tracker.running_projectors import (
    all_projected,
    eventually,
    kill,
    let_leases_run_out,
    project_all,
    project_in_small_rounds,
    projector_on,
    start_projecting,
)

TASKS = list(range(1, 13))


async def append_shuffled(log: DeliveryLog, segments: list[Segment], times: int, chance: Random) -> None:
    """Each segment ``times`` times, in any order, a few at a time."""
    pieces = chance.sample(segments * times, len(segments) * times)
    for start in range(0, len(pieces), 50):
        await log.append(pieces[start : start + 50])


async def test_ten_deliveries_of_each_segment_count_once(database: Database, delivery_log: DeliveryLog) -> None:
    """In any order: the log knows its segments, the sets their members."""
    chance = Random(1)
    segments = random_segments(chance, TASKS, 300)

    await append_shuffled(delivery_log, segments, 10, chance)
    await project_all(database)

    await assert_projected(database, TASKS, segments)


async def test_rounds_of_any_size_count_the_same(database: Database, delivery_log: DeliveryLog) -> None:
    """What is projected while it comes in adds up to what is projected in one go."""
    chance = Random(2)
    segments = random_segments(chance, TASKS, 200)
    projector = projector_on(database, 1)

    for segment in segments:
        await delivery_log.append([segment])
        if chance.random() < 0.5:
            await projector.step()
    await project_all(database)

    await assert_projected(database, TASKS, segments)


async def test_several_trackers_killed_at_random_moments_lose_and_double_nothing(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """They come and go while hits come in, ten times each; at rest nothing is missing and nothing was counted twice."""
    chance = Random(3)
    segments = random_segments(chance, TASKS, 600)
    writing = asyncio.create_task(append_shuffled(delivery_log, segments, 10, chance))
    running = {owner: start_projecting(database, owner) for owner in range(3)}

    for newcomer in itertools.count(3):
        await asyncio.sleep(chance.random() * 0.1)
        await kill(running.pop(chance.choice(list(running))))
        running[newcomer] = start_projecting(database, newcomer)
        if writing.done() and newcomer > 30:
            break
    await writing
    await let_leases_run_out(database, list(running))
    await eventually(lambda: all_projected(database))
    for task in running.values():
        await kill(task)

    await assert_projected(database, TASKS, segments)


async def test_every_event_repeated_1_to_46_times_counts_once(database: Database, delivery_log: DeliveryLog) -> None:
    """All seven, in random order, over two projectors at once: unique is who, total is how often, a machine is whose
    repeats are all a machine's.
    """
    chance = Random(5)
    tasks = TASKS[:3]
    events = [(task, kind, ordinal) for task in tasks for kind in EVENTS for ordinal in chance.sample(range(99), 40)]
    machines = {event for event in events if event[1] in (Kind.OPENED, Kind.CLICKED) and chance.random() < 0.4}
    repeats = [hit for event in events for hit in repeat(event, event in machines, chance)]
    chance.shuffle(repeats)
    pieces = [gather_hits(repeats[start : start + 200], -5, start) for start in range(0, len(repeats), 200)]
    running = [start_projecting(database, owner) for owner in (1, 2)]

    await asyncio.gather(*(delivery_log.append(piece) for piece in pieces))
    await eventually(lambda: all_projected(database))
    for projecting in running:
        await kill(projecting)

    assert await read_counts(database, tasks) == {task: dict.fromkeys(EVENTS, 40) for task in tasks}
    for task in tasks:
        totals = Counter((hit.kind, 0) for hit in repeats if hit.task_id == task)
        links = Counter((hit.kind, hit.link) for hit in repeats if hit.task_id == task and hit.link)
        assert await read_totals(database, task) == totals + links
        uniques = await read_sets(database, task, EVENTS)
        for kind, people in (await people_of(database, task)).items():
            assert set(uniques[kind]) - people == {
                ordinal for of, what, ordinal in machines if (of, what) == (task, kind)
            }
    await assert_projected(database, tasks, [segment for piece in pieces for segment in piece])


def repeat(event: tuple[int, Kind, int], machine: bool, chance: Random) -> list[Hit]:
    """1 to 46 times within an hour. A machine is a scanner in a burst or a proxy; a person has proxies as well."""
    task, kind, ordinal = event
    as_machine = chance.choice([0x025, 0x213] if kind is Kind.CLICKED else [0x025])
    evidence = [as_machine if machine else 0x013, *([as_machine] if machine else [0x013, 0x025]) * 45]
    return [
        Hit(task, kind, ordinal, NOON_MS + chance.randrange(3_600_000), int(kind is Kind.CLICKED), evidence=packed)
        for packed in evidence[: chance.randint(1, 46)]
    ]


async def test_a_checkpoint_is_never_ahead_of_its_effects(database: Database, delivery_log: DeliveryLog) -> None:
    """At every moment the hits that are counted are those up to the checkpoint: no fewer and no more."""
    segments = random_segments(Random(4), [7], 400)
    await delivery_log.append(segments)
    stored = {
        position_of(row): len(decode_hits(row["hits"]))
        for row in await database.fetch(f"SELECT {POSITION}, hits FROM segment")
    }
    projecting = asyncio.create_task(project_in_small_rounds(database))

    seen = set()
    while not projecting.done():
        row = (await database.fetch(CHECKPOINT_AND_TOTAL, shard_of(7), 7))[0]
        reached = position_of(row)
        seen.add(reached)
        assert row["hits"] == sum(count for at, count in stored.items() if at <= reached)
    await projecting

    assert len(seen) > 2


POSITION = "store_epoch, xid::text::bigint AS xid, position"
CHECKPOINT_AND_TOTAL = f"""
SELECT {POSITION}, (SELECT coalesce(sum(hits), 0) FROM hit_series WHERE task_id = $2 AND link = 0)::bigint AS hits
  FROM projection
 WHERE shard = $1 AND live"""


def position_of(row: Row) -> TailPosition:
    return TailPosition(row["store_epoch"], row["xid"], row["position"])
