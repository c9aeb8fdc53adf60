"""How often one key may ask: 429 with Retry-After beyond it, over all replicas, and no other key is held up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic

import pytest

from services.api.app import RunningApi, start_api
from services.api.call_pace import BURST_SECONDS, CallPace, forget_calls
from shared.bus.in_process import InProcess
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients, count_events

RATE = 20


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, api_rate=RATE)


@pytest.fixture
async def second(
    settings: Settings, database: Database, store: PostgresEventStore, bus: InProcess
) -> AsyncIterator[RunningApi]:
    """Another replica."""
    running = await start_api(settings, database, store, bus)
    yield running
    await running.stop()


async def statuses_of(client: Client, times: int) -> Counter[int]:
    return Counter([reply.status for reply in await asyncio.gather(*(client.get("/list") for _ in range(times)))])


async def test_one_key_beyond_its_rate_is_told_when_to_come_again_and_others_are_not_held_up(
    clients: Clients, second: RunningApi, database: Database
) -> None:
    """At two replicas, which together let no more through than one would."""
    greedy, modest = await clients.make(user="greedy"), await clients.make(user="modest")
    elsewhere = replace(greedy, url=second.url)
    began = monotonic()
    answered = await statuses_of(greedy, 150) + await statuses_of(elsewhere, 150)
    took = monotonic() - began

    assert set(answered) == {200, 429}
    assert answered[200] <= RATE * (took + BURST_SECONDS + 1)
    assert answered[200] >= RATE  # a burst is let through
    refused = await greedy.post("/list", {"name": "too many"})
    while refused.status != 429:
        refused = await greedy.post("/list", {"name": "too many"})
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json["detail"] == "too many requests of this key"
    events = await count_events(database)
    assert (await modest.get("/list")).status == 200
    assert await count_events(database) == events


async def test_after_the_pause_it_goes_on(client: Client) -> None:
    """As often as Retry-After says, and no answer is a 5xx meanwhile."""
    await statuses_of(client, 100)
    async with asyncio.timeout(20):
        while (reply := await client.get("/list")).status == 429:
            await asyncio.sleep(int(reply.headers["Retry-After"]) / 4)
    assert reply.status == 200


async def test_no_window_holds_more_than_the_rate_and_a_burst(database: Database) -> None:
    """Three processes that ask as often as they can for a while, by the clock of the database."""
    now = [0.0]
    paces = [CallPace(database, 50, lambda: now[0]) for _ in range(3)]
    began = monotonic()
    through = 0
    while monotonic() - began < 1.5:
        now[0] = monotonic()
        through += sum([await pace.seconds_to_wait("key") == 0.0 for pace in paces])

    assert 50 * 1.5 < through <= 50 * (monotonic() - began + BURST_SECONDS)


async def test_what_was_taken_and_not_used_is_gone(database: Database) -> None:
    """A share ends after its second, and is not given back; then only what was used is taken."""
    now, asked = [0.0], 0

    class Counting:
        async def fetch(self, query: str, *arguments: object) -> object:
            nonlocal asked
            asked += 1
            return await database.fetch(query, *arguments)

    pace = CallPace(Counting(), 1000, lambda: now[0])  # type: ignore[arg-type]  # - counts, and asks the real one
    waits = [await pace.seconds_to_wait("key") for _ in range(100)]

    assert (set(waits), asked) == ({0.0}, 7)  # of 1, 2, 4, 8, 16, 32, 64
    now[0] = 2.0
    for _ in range(50):
        assert await pace.seconds_to_wait("key") == 0.0
    assert asked == 9  # of the 37 that were used of the last, then of as many again


async def test_who_asks_for_nothing_for_an_hour_is_forgotten(database: Database) -> None:
    await CallPace(database, 10, lambda: 0.0).seconds_to_wait("old")
    await database.execute("UPDATE call_pace SET next_at = now() - interval '2 hours'")
    await CallPace(database, 10, lambda: 0.0).seconds_to_wait("new")

    assert not await forget_calls(database)
    assert [row["who"] for row in await database.fetch("SELECT who FROM call_pace")] == ["new"]


async def test_without_a_rate_nothing_is_counted(database: Database) -> None:
    pace = CallPace(database, 0, lambda: 0.0)

    assert {await pace.seconds_to_wait("key") for _ in range(1000)} == {0.0}
    assert await database.fetch("SELECT 1 FROM call_pace") == []
