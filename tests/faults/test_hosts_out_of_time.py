"""The hosts of the services are wrong by minutes or a day, each otherwise, and are set anew in mid-send."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from services.api.keys import create_key
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from tests.campaigns import make_world, post_campaign
from tests.faults.auditing import audit, deliveries_of, received_of, tell
from tests.faults.measured import Measured
from tests.faults.reckoning import all_completed
from tests.faults.test_clock_steps import CALLED_SECONDS, PEOPLE, RATE, most_too_many, times_of
from tests.faults.world import SECRET, World, world_on
from tests.sinks.receiver import Receiver

SERVICES: Final = ("api", "dispatcher", "tracker")
SKEWS: Final = (600.0, -600.0, 86_400.0, -86_400.0)
LATE_SECONDS: Final = 60.0  #: on a machine however loaded, and far less than what a clock is wrong by
LATER_SECONDS: Final = 3.0

#: By how much an event says to have happened at another time than it was recorded at. Those that a host dates.
_APART: Final = """
SELECT max(abs((data ->> 'at')::float8 - extract(epoch FROM recorded_at)))
  FROM event
 WHERE data ? 'at' AND type ~ '^(task|campaign)[.]'"""


@dataclass
class Seen:
    """Of all rounds, in seconds."""

    early: int = 0
    late: list[float] = field(default_factory=list)
    excess: int = 0
    called: list[float] = field(default_factory=list)


async def call(world: World, session: aiohttp.ClientSession, method: str, path: str, body: object) -> Any:
    url = f"http://127.0.0.1:{world.environment['POSTROOM_API_PORT']}{path}"
    async with session.request(method, url, json=body) as answer:
        assert answer.status < 300, (path, answer.status, await answer.text())
        return await answer.json()


def set_wrong(world: World, dice: random.Random) -> None:
    """Everybody by something else."""
    for name, skew in zip(SERVICES, dice.sample(SKEWS, len(SERVICES)), strict=True):
        world.service(name).set_clock_wrong(skew)


async def send_three(
    world: World, session: aiohttp.ClientSession, receiver: Receiver, number: int, dice: random.Random
) -> dict[int, float]:
    """A task that is due at once, one that is due later and has a rate, and a campaign that is called back. Answers
    when each is due, by task. While they are under way all clocks are set anew.
    """
    task = {"channel": "email", "list_id": 1, "message_id": 1, "name": "at once", "scheduledtime": 0}
    later = time.time() + LATER_SECONDS
    due = {(await call(world, session, "POST", "/task", task))["id"]: later - LATER_SECONDS}
    posted = await call(world, session, "POST", "/task", {**task, "rate": RATE, "scheduledtime": later})
    due[posted["id"]] = later
    before = time.time()
    await post_campaign(world.database, number=number, state="SCHEDULED", channels=("email",))
    wish = {"state": "READY", "event_callback": receiver.url}
    await call(world, session, "PUT", f"/campaign/{number}", wish)
    await all_completed(world.database, [min(due)], LATE_SECONDS)
    set_wrong(world, dice)
    async with asyncio.timeout(LATE_SECONDS):
        while not (tasks := await tasks_of(world, number)):
            await asyncio.sleep(0.02)
    due |= dict.fromkeys(tasks, before)
    await all_completed(world.database, due, 2 * LATE_SECONDS)
    return due


async def tasks_of(world: World, campaign: int) -> list[int]:
    rows = await world.database.fetch("SELECT id FROM task WHERE campaign_id = $1", campaign)
    return [row["id"] for row in rows]


async def look(world: World, receiver: Receiver, due: dict[int, float], told: int, seen: Seen) -> None:
    """When its messages were begun, by a clock that is right, and when the callbacks came."""
    for task_id, moment in due.items():
        times = times_of(world.relay, task_id)
        seen.early += sum(at < moment for at in times)
        seen.late.append(min(times) - moment)
        seen.excess = max(seen.excess, most_too_many(times, RATE)) if moment == max(due.values()) else seen.excess
    async with asyncio.timeout(CALLED_SECONDS):
        while sum(len(request.people) for request in receiver.requests) < told:
            await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    for request in receiver.requests:
        came = time.time() - (loop.time() - request.at)
        said = dict(request.fields)["when"], request.headers["webhook-timestamp"]
        seen.called += [came - float(each) for each in said]


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F30",
    "hosts of API, dispatcher and tracker wrong by 10 minutes or a day, and set anew in mid-send",
    expects="nothing early, nothing late, rate kept, callbacks within 300 s of what they tell",
)
async def test_a_host_with_a_wrong_clock_starts_nothing_early_or_late(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """What is due at once starts at once, what is due later then; and all that is written down says when it was."""
    seen, count = Seen(), 0
    async with world_on(database_url, tmp_path, smtp_connections="2") as world, Receiver() as receiver:
        await make_world(world.database, PEOPLE)
        made = await create_key(
            world.database, PostgresEventStore(world.database), (SECRET,), "acme", "ann", "admin", "test"
        )
        assert not isinstance(made, Refused)
        set_wrong(world, dice)
        await asyncio.gather(*(world.service(name).ready() for name in SERVICES))
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {made['key']}"}) as session:
            for number in range(1, rounds + 1):
                due = await send_three(world, session, receiver, number, dice)
                count += len(due)
                await look(world, receiver, due, PEOPLE * number, seen)
        apart = await world.database.fetch_value(_APART)
        findings = await audit(world.database, deliveries=deliveries_of(world.relay), received=received_of(receiver))

    taken = world.relay.taken
    measured.add(steps=2 * len(SERVICES) * rounds, early=seen.early, rate_excess=seen.excess, rounds=rounds)
    measured.add(most_late_seconds=max(seen.late), called_back_seconds=max(seen.called), dated_wrongly_seconds=apart)
    measured.add(lost=count * PEOPLE - len(taken), doubled=taken.total() - len(taken))
    assert (seen.early, seen.excess) == (0, 0)
    assert max(seen.late) < LATE_SECONDS
    assert min(seen.called) > -LATE_SECONDS
    assert max(seen.called) < CALLED_SECONDS
    assert apart < LATE_SECONDS
    assert not findings, tell(findings)
    assert len(taken) == taken.total() == count * PEOPLE
