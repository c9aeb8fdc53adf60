"""A dispatcher stands still at each place for two leases and goes on: another has its work, and nobody is lost."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest

from services.dispatcher.sending.held_batch import LEASE_SECONDS
from shared.runtime.clock import monotonic
from tests.audience import post_task
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.reckoning import all_completed, reckon
from tests.faults.test_kill_at_each_place_of_sending import PLACES
from tests.faults.world import World, world_on
from tests.integration.dispatcher.charging import allow

RECIPIENTS: Final = 3_000
#: In a transaction, with rows locked that others may want: until the server ends it, as it does after half a minute.
LOCKING: Final = ("sender.charging", "segments.appending")
FREE: Final = tuple(
    place for place in PLACES if place.startswith(("sender.", "smtp.", "segments.")) and place not in LOCKING
)
_LATE: Final = """
SELECT count(*) FROM segment JOIN batch USING (task_id)
 WHERE segment.batch = batch.number AND segment.epoch < batch.epoch"""


async def stop_everywhere(world: World, dice: random.Random, free: int) -> list[ServiceProcess]:
    """A dispatcher for each place, with a journal of its own, all at one task. ``free``: at so many of those."""
    services = []
    for places in (dice.sample(FREE, free), LOCKING):
        for place in places:
            service = world.service("dispatcher", f"-{place}")
            service.start(f"{place}:{dice.randint(1, min(PLACES[place], 10))}:stop")
            services.append(service)
        await asyncio.gather(*(service.stood_still() for service in services))
    return services


async def two_leases_later() -> None:
    until = monotonic() + 2 * LEASE_SECONDS
    while monotonic() < until:
        await asyncio.sleep(0.2)


@pytest.mark.timeout(180)
@pytest.mark.fault(
    "F6", "dispatchers stand still at each place for two leases", expects="taken over, the doubled listed"
)
async def test_who_stood_still_is_taken_over_and_does_no_harm_when_he_goes_on(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """All of them at once, one more that lives; what the late ones had sent counts, what they had not stays unsent."""
    async with world_on(database_url, tmp_path, smtp_connections="1") as world:
        await allow(world.database, credit=10_000_000)
        world.service("tracker").start()
        tasks, stops = dict[int, int](), 0
        for number in range(1, rounds + 1):
            tasks[(await post_task(world.database, RECIPIENTS, number=number)).task_id] = RECIPIENTS
            stopped = await stop_everywhere(world, dice, len(FREE) if rounds > 1 else 5)
            stops += len(stopped)
            world.service("dispatcher").start()
            await asyncio.gather(all_completed(world.database, tasks, 90), two_leases_later())
            for service in stopped:
                service.go_on()
            codes = await asyncio.gather(*(asyncio.to_thread(service.stop) for service in stopped))
            world.service("dispatcher").kill()
            assert set(codes) == {0}, "whoever went on can still be asked to end"
        late = await world.database.fetch_value(_LATE)
        reckoning = await reckon(world.database, world.relay, tasks)

    measured.add(stops=stops, late_segments=late, rounds=rounds)
    reckoning.tell(measured)
    reckoning.check()
