"""Every replica is restarted by SIGTERM, one after the other, under load: nobody notices."""

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from services.api.keys import create_key
from services.standalone.private_process import free_port
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.runtime.clock import monotonic
from tests.audience import post_task
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.reckoning import all_completed, reckon
from tests.faults.world import SECRET, World, world_on

RECIPIENTS: Final = 6_000
CALLERS: Final = 4
FIRST_TASK: Final = 50_000  #: and list: beyond those that the callers make


@dataclass
class Callers:
    """Ask one command after the other of whichever API takes it; who gets no answer asks the same of the next."""

    ports: list[str]
    key: str
    statuses: list[int] = field(default_factory=list)
    asked_again: int = 0
    over: bool = False

    async def call(self, caller: int) -> None:
        async with aiohttp.ClientSession() as session:
            number = 0
            while not self.over:
                number += 1
                self.statuses.append(await self._answer(session, f"{caller}-{number}"))

    async def _answer(self, session: aiohttp.ClientSession, name: str) -> int:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": name}
        async with asyncio.timeout(60):
            while True:
                for port in self.ports:
                    url = f"http://127.0.0.1:{port}/list"
                    try:
                        async with session.post(url, json={"name": name}, headers=headers) as answer:
                            return answer.status
                    except (aiohttp.ClientError, OSError):
                        self.asked_again += 1
                        await asyncio.sleep(0.005)


def replicas_of(world: World) -> list[ServiceProcess]:
    apis = [world.service("api"), world.service("api", "-2", api_port=str(free_port()))]
    others = [world.service(name, replica) for name in ("dispatcher", "tracker") for replica in ("", "-2")]
    return [*apis, *others]


@pytest.mark.timeout(120)
@pytest.mark.fault("F7", "SIGTERM to every replica in turn, under load", expects="nobody in doubt, no answer 5xx")
async def test_nobody_notices_a_rolling_restart(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Two of each: a task is being sent and commands come all the time."""
    async with world_on(database_url, tmp_path, smtp_connections="2") as world:
        made = await create_key(
            world.database, PostgresEventStore(world.database), (SECRET,), "acme", "ann", "admin", "test"
        )
        assert not isinstance(made, Refused)
        replicas, exits, tasks = replicas_of(world), list[float](), dict[int, int]()
        await asyncio.gather(*(replica.ready() for replica in replicas))
        callers = Callers(
            [each.environment["POSTROOM_API_PORT"] for each in replicas if each.name == "api"], made["key"]
        )
        calling = [asyncio.create_task(callers.call(number)) for number in range(CALLERS)]
        for number in range(FIRST_TASK, FIRST_TASK + rounds):
            tasks[(await post_task(world.database, RECIPIENTS, number=number)).task_id] = RECIPIENTS
            for replica in dice.sample(replicas, len(replicas)):
                began = monotonic()
                assert await asyncio.to_thread(replica.stop) == 0
                exits.append(monotonic() - began)
                await replica.ready()
            await all_completed(world.database, tasks, 90)
        callers.over = True
        await asyncio.gather(*calling)
        lists = await world.database.fetch_value("SELECT count(*) FROM list WHERE name LIKE '%-%'")
        reckoning = await reckon(world.database, world.relay, tasks)

    failures = sum(status >= 500 for status in callers.statuses)
    measured.add(restarts=len(exits), commands=len(callers.statuses), answers_5xx=failures, rounds=rounds)
    measured.add(commands_lost=len(callers.statuses) - lists, exit_seconds=max(exits))
    reckoning.tell(measured)
    reckoning.check()
    assert (failures, len(reckoning.listed)) == (0, 0)
    assert set(callers.statuses) == {201}
    assert lists == len(callers.statuses)
