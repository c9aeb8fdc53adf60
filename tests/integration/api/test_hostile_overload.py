"""Ten times as much as there is room for, by one account: memory stays, nothing fails, the other account goes on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from time import perf_counter

import aiohttp
import orjson
import pytest

from services.api.serve import MOST_HANDLED, MOST_LARGE
from tests.faults.measured import Measured
from tests.integration.api.conftest import Client, Clients
from tests.integration.api.test_malformed import memory_mb

AT_ONCE = 10 * MOST_HANDLED  #: requests under way of the greedy account
LARGE_AT_ONCE = 10 * MOST_LARGE
ASKED = 25  #: requests of the modest one, in each round
MOST_GROWTH_MB = 250.0  #: a thousand clients are in this process, too


@pytest.fixture
async def crowd() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=110)) as session:
        yield session


async def times_of(client: Client, count: int) -> list[float]:
    """Of requests one after the other, each of which is carried out."""
    took = []
    for number in range(count):
        began = perf_counter()
        assert (await client.post("/list", {"name": f"modest {number} {began}"})).status == 201
        took.append(perf_counter() - began)
    return sorted(took)


class Greedy:
    """Asks as much as it can, with bodies small and large, until it is told to stop."""

    def __init__(self, client: Client, crowd: aiohttp.ClientSession, list_id: int) -> None:
        self._client, self._crowd = client, crowd
        self.statuses: Counter[int] = Counter()
        self.waiting = 0
        self._stop = False
        people = [{"email": f"p{number}@x.org", "vars": {"text": "x" * 1000}} for number in range(300)]
        self._large = (f"/list/{list_id}/subscriber", orjson.dumps(people))

    async def ask(self, *, large: bool) -> None:
        path, body = self._large if large else ("/list", None)
        headers = {"Authorization": f"Bearer {self._client.key}", "Content-Type": "application/json"}
        while not self._stop:
            self.waiting += 1
            async with self._crowd.request(
                "POST" if body else "GET", self._client.url + path, data=body, headers=headers
            ) as answer:
                self.statuses[answer.status] += 1
                await answer.read()
            self.waiting -= 1

    def stop(self) -> None:
        self._stop = True


@pytest.mark.fault(
    "F38",
    "one account asks ten times as much as is handled at once, small bodies and large ones, beside a modest account",
    expects="answers of 2xx, 429 and 503 alone, bounded memory, and the modest account is served throughout",
)
async def test_a_greedy_account_takes_neither_memory_nor_turns_of_others(
    client: Client, clients: Clients, crowd: aiohttp.ClientSession, rounds: int, measured: Measured
) -> None:
    """Its own requests wait for its own; each request of the other one is answered while hundreds wait."""
    other = await clients.make(account="modest", user="mia")
    list_id = (await client.post("/list", {"name": "crowd"})).json["id"]
    alone = await times_of(other, ASKED)
    greedy = Greedy(client, crowd, list_id)
    memory = memory_mb()
    asking = [asyncio.create_task(greedy.ask(large=number < LARGE_AT_ONCE)) for number in range(AT_ONCE)]
    async with asyncio.timeout(60):
        while greedy.waiting < AT_ONCE * 9 // 10:
            await asyncio.sleep(0.01)
    beside = await times_of(other, ASKED * rounds)
    waiting, growth = greedy.waiting, memory_mb() - memory
    greedy.stop()
    await asyncio.gather(*asking)

    p99 = {"p99_alone_seconds": alone[-1], "p99_beside_seconds": beside[len(beside) * 99 // 100]}
    answered = greedy.statuses.total()
    measured.add(at_once=AT_ONCE, answered=answered, most_growth_mb=round(growth), failed=0, rounds=rounds)
    measured.add(**{name: round(seconds, 3) for name, seconds in p99.items()})
    assert set(greedy.statuses) <= {200, 429, 503}
    assert waiting > AT_ONCE / 2  # it was an overload to the end
    assert growth < MOST_GROWTH_MB
    assert (await client.get("/list")).status == 200
