"""A dispatcher dies at each place of its way with a task: nobody is missing, the doubled are listed."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
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


@dataclass
class Struck:
    """``tasks``: their sizes. ``first_by``: by message, the number of the kill that came after its first copy."""

    tasks: dict[int, int] = field(default_factory=dict)
    kills: int = 0
    first_by: dict[bytes, int] = field(default_factory=dict)

    def note(self, taken: Counter[bytes]) -> None:
        self.kills += 1
        self.first_by.update(dict.fromkeys(islice(taken, len(self.first_by), None), self.kills))

    def most_doubled_by_one(self, taken: Counter[bytes]) -> int:
        """How many have a second copy for the sake of one kill."""
        by_kill = Counter(self.first_by.get(message) for message, count in taken.items() if count > 1)
        return max(by_kill.values(), default=0)


async def strike_everywhere(world: World, dice: random.Random, struck: Struck) -> None:
    """In any order; then all is sent to the end."""
    for place in dice.sample(sorted(PLACES), len(PLACES)):
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
        struck.note(world.relay.taken)
    world.service("dispatcher").start()
    await all_completed(world.database, struck.tasks, 90)
    world.service("dispatcher").kill()


@pytest.mark.timeout(180)
@pytest.mark.fault(
    "F2", "kill -9 of a dispatcher at each place of its way", expects="no more doubled than connections, all listed"
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
            await strike_everywhere(world, dice, struck)
        reckoning = await reckon(world.database, world.relay, struck.tasks)

    measured.add(kills=struck.kills, rounds=rounds)
    reckoning.tell(measured)
    measured.add(most_doubled_by_one_kill=struck.most_doubled_by_one(world.relay.taken))
    reckoning.check()
    assert struck.most_doubled_by_one(world.relay.taken) <= CONNECTIONS
