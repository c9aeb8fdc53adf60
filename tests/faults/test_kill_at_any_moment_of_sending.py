"""A dispatcher is killed at random moments at full speed, again and again: nobody is doubled."""

import asyncio
import random
import time
from pathlib import Path
from typing import Final

import pytest

from tests.audience import post_task
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.reckoning import all_completed, reckon
from tests.faults.world import World, world_on
from tests.integration.dispatcher.charging import allow

KILLS: Final = 6
SIZE: Final = 1_000  #: recipients of each task
LONGEST_SECONDS: Final = 0.15  #: between the first message of a process and its end


def end_after(seconds: float, dispatcher: ServiceProcess) -> None:
    """In a thread of its own: whatever the relay and the test are at, it strikes."""
    time.sleep(seconds)
    dispatcher.kill()


async def kill_at_random(world: World, dice: random.Random, tasks: dict[int, int]) -> None:
    """With more to send than can be sent meanwhile."""
    while sum(tasks.values()) - len(world.relay.taken) < SIZE:
        tasks[(await post_task(world.database, SIZE, number=len(tasks) + 1)).task_id] = SIZE
    dispatcher, before = world.service("dispatcher"), world.relay.taken.total()
    dispatcher.start()
    async with asyncio.timeout(60):
        while world.relay.taken.total() == before:
            await asyncio.sleep(0.001)
    await asyncio.to_thread(end_after, dice.uniform(0.0, LONGEST_SECONDS), dispatcher)
    await world.let_leases_run_out()


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F2",
    "kill -9 of a dispatcher at random moments at full speed",
    expects="0 doubled, whoever is in doubt is listed",
)
async def test_a_kill_at_full_speed_doubles_nobody(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Who comes after takes over what it left; in the end all have one copy."""
    tasks: dict[int, int] = {}
    async with world_on(database_url, tmp_path, seconds_each=0.0, smtp_connections="8") as world:
        await allow(world.database, credit=10_000_000)
        world.service("tracker").start()
        for _ in range(KILLS * rounds):
            await kill_at_random(world, dice, tasks)
        world.service("dispatcher").start()
        await all_completed(world.database, tasks, 90)
        world.service("dispatcher").kill()
        reckoning = await reckon(world.database, world.relay, tasks)

    measured.add(kills=KILLS * rounds, sent=sum(tasks.values()))
    reckoning.tell(measured)
    reckoning.check()
    assert not reckoning.doubled
