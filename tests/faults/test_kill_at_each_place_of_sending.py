"""A dispatcher dies at each place of its way with a task: nobody is missing, and nobody is doubled."""

import asyncio
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.audience import post_task
from tests.faults.measured import Measured
from tests.faults.reckoning import all_completed, reckon
from tests.faults.world import World, world_on
from tests.integration.dispatcher.charging import allow

CONNECTIONS = 4
PATIENCE_SECONDS = 3.0
SIZE = 60  #: recipients of the task that is posted for each kill

#: How often, at most, a place is passed by before it is the one: those that each message comes by, and the others.
PLACES: Final = {
    "planner.started": 1,
    "planner.freezing": 1,
    "planner.frozen": 1,
    "planner.cut": 1,
    "sender.claimed": 2,
    "sender.charging": 2,
    "smtp.connected": 2,
    "smtp.recipient_taken": 40,
    "sender.dot_due": 40,
    "sender.dot_journalled": 40,
    "smtp.content_half_out": 40,
    "smtp.dot_out": 40,
    "sender.reply_read": 40,
    "sender.reply_journalled": 40,
    "segments.appending": 2,
    "segments.appended": 2,
    "sender.sent": 2,
    "sender.concluded": 2,
    "journal.replaying": 1,
    "journal.replayed": 1,
}


#: Of these the message of the kill has left or is answered, and all others wait for the relay: nobody is in doubt.
WITNESSED: Final = ("smtp.dot_out", "sender.reply_read", "sender.reply_journalled")


@dataclass
class Struck:
    """``tasks``: their sizes."""

    tasks: dict[int, int] = field(default_factory=dict)
    kills: int = 0


async def strike(world: World, dice: random.Random, struck: Struck, places: Collection[str]) -> None:
    """At all of them, in any order; then all is sent to the end."""
    order = dice.sample(sorted(places), len(places))
    if not struck.kills:
        order.sort(key=lambda place: place.startswith("journal."))  # there is none to replay before somebody has died
    for place in order:
        dispatcher = world.service("dispatcher")
        dispatcher.start(f"{place}:{dice.randint(1, PLACES[place])}")
        dying = asyncio.create_task(dispatcher.died())
        while not dying.done():
            # One task more where the last was over before its time had come.
            posted = await post_task(world.database, SIZE, number=len(struck.tasks) + 1)
            struck.tasks[posted.task_id] = SIZE
            await asyncio.wait({dying}, timeout=PATIENCE_SECONDS)
        await dying
        await world.let_leases_run_out()
        struck.kills += 1
    world.service("dispatcher").start()
    await all_completed(world.database, struck.tasks, 90)
    world.service("dispatcher").kill()


@pytest.mark.timeout(180)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher at each place of its way", expects="0 doubled, whoever is in doubt is listed"
)
async def test_nobody_is_missing_wherever_it_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """One task for each kill, all sent to the end by whoever comes after."""
    struck = Struck()
    async with world_on(database_url, tmp_path, smtp_connections=str(CONNECTIONS)) as world:
        await allow(world.database, credit=10_000_000)
        world.service("tracker").start()
        for _ in range(rounds):
            await strike(world, dice, struck, PLACES)
        reckoning = await reckon(world.database, world.relay, struck.tasks)

    measured.add(kills=struck.kills, rounds=rounds)
    reckoning.tell(measured)
    reckoning.check()
    assert not reckoning.doubled


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher while a relay thinks, and when it has answered", expects="0 doubled, 0 in doubt"
)
async def test_what_the_relay_says_after_the_kill_is_heard(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """It thinks for as long as real ones do; a witness listens."""
    struck, thinks = Struck(), dice.uniform(0.005, 0.05)
    async with world_on(database_url, tmp_path, seconds_each=thinks, smtp_connections=str(CONNECTIONS)) as world:
        await allow(world.database, credit=10_000_000)
        world.service("tracker").start()
        for _ in range(rounds):
            await strike(world, dice, struck, WITNESSED)
        reckoning = await reckon(world.database, world.relay, struck.tasks)

    measured.add(kills=struck.kills, rounds=rounds)
    reckoning.tell(measured)
    reckoning.check()
    assert not reckoning.doubled
    assert not reckoning.listed
