"""A task as large as a whole day's, and small ones beside it: those wait for what is in hand, not for all of it."""

import asyncio
import random
import time
from pathlib import Path
from typing import Final

import pytest

from shared.domain.tokens import TokenKeys
from tests.audience import post_task
from tests.faults.measured import Measured
from tests.faults.reckoning import all_completed, reckon
from tests.faults.world import SECRET, World, world_on

LARGE: Final = 30_000  #: recipients, of each round: a million in fifty
SMALL, TASKS = 20, 10  #: recipients, and tasks of each round
PAUSE_SECONDS: Final = (0.0, 0.2)
SECONDS: Final = 90.0
BIG: Final = 1  #: the large one's id


async def post_small(world: World, numbers: range, dice: random.Random) -> dict[int, float]:
    """One after the other, whether or not those before it are through. When each was posted, by its id."""
    posted = {}
    for number in numbers:
        posted[number] = time.time()
        await post_task(world.database, SMALL, number=number)
        await asyncio.sleep(dice.uniform(*PAUSE_SECONDS))
    await all_completed(world.database, numbers, SECONDS)
    return posted


def starts_of(world: World, posted: dict[int, float]) -> list[float]:
    """After how many seconds the first message of each was begun; the quickest first."""
    keys, first = TokenKeys([SECRET]), dict[int, float]()
    for at, sender in world.relay.begun:
        token = keys.read_verp(sender.split(b"@")[0].decode())
        assert token is not None
        first.setdefault(token.task, at)
    return sorted(first[task] - at for task, at in posted.items())


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F38",
    "small tasks beside one that is a thousand times as large",
    expects="all of them are through before it is",
)
async def test_small_tasks_do_not_wait_for_a_large_one(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Of one account, so that no turn of another helps them. The times are measured; their order decides."""
    large, count = LARGE * rounds, TASKS * rounds
    async with world_on(database_url, tmp_path, seconds_each=0.0) as world:
        await asyncio.gather(*(world.service(name).ready() for name in ("dispatcher", "tracker")))
        alone = await post_small(world, range(BIG + 1, BIG + 1 + count), dice)
        await post_task(world.database, large, number=BIG)
        begun = world.relay.taken.total()
        async with asyncio.timeout(SECONDS * rounds):
            while world.relay.taken.total() < begun + large // 20:
                await asyncio.sleep(0.01)
        beside = await post_small(world, range(BIG + 1 + count, BIG + 1 + 2 * count), dice)
        under_way = world.relay.taken.total() < large + 2 * count * SMALL
        await all_completed(world.database, [BIG], SECONDS * rounds)
        reckoning = await reckon(world.database, world.relay, {BIG: large, **dict.fromkeys([*alone, *beside], SMALL)})
        times = starts_of(world, alone), starts_of(world, beside)

    p99 = [each[(len(each) - 1) * 99 // 100] for each in times]
    measured.add(small=2 * count, large=large, p99_start_alone_seconds=p99[0], p99_start_beside_seconds=p99[1])
    measured.add(rounds=rounds)
    reckoning.tell(measured)
    reckoning.check()
    assert under_way, "the small ones waited for the large one"
