"""All services are killed at one moment and come back in any order: they are at work again within seconds."""

import asyncio
import random
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from shared.runtime.clock import monotonic
from tests.audience import post_task
from tests.faults.measured import Measured
from tests.faults.reckoning import all_completed, reckon
from tests.faults.world import World, world_on

SERVICES: Final = ("api", "dispatcher", "tracker")
RECIPIENTS, KILLS = 3_000, 4  #: of each round
SECONDS: Final = 60.0


async def kill_all(world: World, dice: random.Random) -> None:
    """And start them again, in any order."""
    for name in SERVICES:
        world.service(name).kill()
    for name in dice.sample(SERVICES, len(SERVICES)):
        world.service(name).start()


async def seconds_until_at_work(world: World, session: aiohttp.ClientSession) -> float:
    """The API is ready, and the relay is given messages."""
    began, taken = monotonic(), world.relay.taken.total()
    async with asyncio.timeout(SECONDS):
        while not await is_ready(session, world.environment["POSTROOM_API_PORT"]):
            await asyncio.sleep(0.01)
        while world.relay.taken.total() == taken:
            await asyncio.sleep(0.005)
    return monotonic() - began


async def is_ready(session: aiohttp.ClientSession, port: str) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False


@pytest.mark.timeout(120)
@pytest.mark.fault("F5", "kill -9 of all services at once, back in any order", expects="nobody lost, soon at work")
async def test_all_come_back_in_any_order(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """In mid-send, again and again."""
    async with world_on(database_url, tmp_path) as world, aiohttp.ClientSession() as session:
        tasks, took = dict[int, int](), list[float]()
        for number in range(1, rounds + 1):
            tasks[(await post_task(world.database, RECIPIENTS, number=number)).task_id] = RECIPIENTS
            for _ in range(KILLS):
                await kill_all(world, dice)
                took.append(await seconds_until_at_work(world, session))
                await asyncio.sleep(dice.uniform(0, 0.1))
            await all_completed(world.database, tasks, 90)
        reckoning = await reckon(world.database, world.relay, tasks)

    took.sort()
    measured.add(kills=len(SERVICES) * len(took), p95_at_work_seconds=took[int(0.95 * (len(took) - 1))], rounds=rounds)
    reckoning.tell(measured)
    reckoning.check()
