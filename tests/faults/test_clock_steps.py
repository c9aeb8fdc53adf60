"""The clock of the workers leaps by hours and days, back and forth: when anything is due the database decides."""

import asyncio
import math
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from shared.bus.in_process import InProcess
from shared.domain.identifiers import Instant
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database
from shared.runtime import clock
from tests.campaigns import change, make_world, post_campaign
from tests.faults.auditing import audit, deliveries_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.world import SECRET
from tests.integration.watching.whole import Whole, whole_on
from tests.sinks.receiver import Receiver

PEOPLE, RATE = 40, 36_000  #: messages an hour: 4 seconds of them
HOUR, DAY = 3_600.0, 86_400.0
LEAPS: Final = (0.0, HOUR, -HOUR, DAY, -DAY, 600.0, 366 * DAY)
CALLED_SECONDS: Final = 300.0
_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"


@dataclass
class Leaping:
    """A clock of which each look is at another time, while ``at_it``."""

    dice: random.Random
    now: Callable[[], float]
    at_it: bool = False
    looks: int = 0

    def __call__(self) -> Instant:
        self.looks += self.at_it
        return Instant(self.now() + (self.dice.choice(LEAPS) if self.at_it else 0.0))


def leaping_clock(dice: random.Random, monkeypatch: pytest.MonkeyPatch) -> Leaping:
    """The clock of all services that are started from now on; what measures runs five in a hundred too fast."""
    leaping, monotonic, began = Leaping(dice, clock.now), clock.monotonic, clock.monotonic()
    monkeypatch.setattr(clock, "now", leaping)
    monkeypatch.setattr(clock, "monotonic", lambda: began + 1.05 * (monotonic() - began))
    return leaping


def most_too_many(times: Sequence[float], rate: int) -> int:
    """By how many the worst window, of whatever length and from whenever on, is above what the rate lets through."""
    seconds_each, excess = 3_600.0 / rate, 0
    for last, until in enumerate(times):
        first = bisect_left(times, until - HOUR)
        for begun in range(first, last + 1):
            allowed = math.ceil((until - times[begun]) / seconds_each) + 1 + max(1, rate // 9_003)
            excess = max(excess, last - begun + 1 - allowed)
    return excess


async def schedule(whole: Whole, database: Database) -> tuple[int, float]:
    """A task with a rate, in two seconds. Answers its id, and when it is due by the clock of the database."""
    due: float = math.ceil(await database.fetch_value(_NOW)) + 2.0
    task = {"channel": "email", "list_id": 1, "message_id": 1, "name": "later", "rate": RATE, "scheduledtime": due}
    posted = await whole.call("POST", "/task", task)
    return posted["id"], due


def times_of(relay: CountingRelay, task_id: int) -> list[float]:
    """When its messages were begun."""
    senders = ((at, TokenKeys([SECRET]).read_verp(sender.split(b"@")[0].decode())) for at, sender in relay.begun)
    return [at for at, token in senders if token is not None and token.task == task_id]


@pytest.mark.timeout(120)
@pytest.mark.fault("F30", "clocks of workers leap by up to a year at each look", expects="never early, rate kept")
async def test_the_clock_of_the_database_decides(
    database_url: str,
    tmp_path: Path,
    dice: random.Random,
    rounds: int,
    measured: Measured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task of a later time with a rate, and a campaign that is called back, while no look at the clock is right."""
    database = await Database.connect(database_url)
    bus, early, excess, called = InProcess(), 0, 0, 0.0
    async with CountingRelay() as relay, Receiver() as receiver:
        await make_world(database, PEOPLE)
        port = int(relay.url.split(":")[2].split("?")[0])
        leaping = leaping_clock(dice, monkeypatch)
        async with whole_on(database, bus, tmp_path / "journal", port) as whole:
            for number in range(1, rounds + 1):
                task_id, due = await schedule(whole, database)
                await post_campaign(database, number=number, state="SCHEDULED", channels=("email",))
                await change(database, number, event_callback=receiver.url, state="READY")
                leaping.at_it = True
                await completed(database, 2 * number)
                times = times_of(relay, task_id)
                early += sum(at < due for at in times)
                excess = max(excess, most_too_many(times, RATE))
                called = max(called, await seconds_until_told(receiver, 2 * PEOPLE * number))
                leaping.at_it = False
        findings = await audit(database, deliveries=deliveries_of(relay))
    await database.close()

    measured.add(steps=leaping.looks, early=early, rate_excess=excess, called_back_seconds=called, rounds=rounds)
    measured.add(lost=2 * PEOPLE * rounds - len(relay.taken), doubled=relay.taken.total() - len(relay.taken))
    assert (early, excess) == (0, 0)
    assert called < CALLED_SECONDS
    assert not findings, tell(findings)
    assert len(relay.taken) == relay.taken.total() == 2 * PEOPLE * rounds


async def completed(database: Database, tasks: int) -> None:
    async with asyncio.timeout(60):
        while await database.fetch_value("SELECT count(*) FROM task WHERE completed") < tasks:
            await asyncio.sleep(0.02)


async def seconds_until_told(receiver: Receiver, people: int) -> float:
    """Since the last of them was sent to, by the clock of the loop."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(CALLED_SECONDS):
        while sum(len(request.people) for request in receiver.requests) < people:
            await asyncio.sleep(0.05)
    return asyncio.get_running_loop().time() - began
