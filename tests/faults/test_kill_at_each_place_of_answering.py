"""The API dies at each place of a command's way: what was answered is kept, and what is asked again is done once."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aio_pika
import aiohttp
import pytest

from services.api.keys import create_key
from shared.bus.topology import topology
from shared.domain.delivery import Kind
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.faults.world import SECRET, World, world_on
from tests.integration.published_rig import add_sent_task, happened, segment
from tests.integration.relay_rig import append_tasks, stored_ids

#: How often, at most, a command passes by before its turn.
COMMANDS: Final = {"events.appending": 3, "events.appended": 3, "api.answering": 3, "api.answered": 3}
RELAYS: Final = ("relay.published", "relay.advanced", "deliveries.published", "deliveries.advanced")
TASK = 1


@dataclass
class Caller:
    """Asks again, under the same key, until it is answered. ``answers``: by key, the ids that it was told."""

    url: str
    session: aiohttp.ClientSession
    key: str
    numbers: Iterator[int]
    answers: dict[str, list[int]] = field(default_factory=dict)

    async def post(self) -> None:
        """What was not answered yet, or one command more. Raises ClientError or OSError when it gets no answer."""
        name = next((name for name, answers in self.answers.items() if not answers), None)
        if name is None:
            name = f"list {next(self.numbers)}"
            self.answers[name] = []
        await self.ask(name)

    async def post_while_it_lives(self, api: ServiceProcess) -> None:
        """Also before it listens, and a moment longer."""
        while api.process is not None and api.process.poll() is None:
            try:
                await self.post()
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.005)

    async def ask(self, name: str) -> None:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": name.replace(" ", "-")}
        async with self.session.post(f"{self.url}/list", json={"name": name}, headers=headers) as answer:
            assert answer.status == 201, (answer.status, await answer.text())
            self.answers[name].append((await answer.json())["id"])

    async def ask_what_is_open(self) -> None:
        """With patience: the service is starting. And some are asked once more that were answered."""
        async with asyncio.timeout(60):
            while not all(self.answers.values()):
                try:
                    await self.post()
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.01)
        for name in list(self.answers)[-3:]:
            await self.ask(name)


@asynccontextmanager
async def calling(world: World) -> AsyncIterator[Caller]:
    store = PostgresEventStore(world.database)
    made = await create_key(world.database, store, (SECRET,), "acme", "ann", "admin", "test")
    assert not isinstance(made, Refused), made
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{world.environment['POSTROOM_API_PORT']}"
        yield Caller(url, session, made["key"], iter(range(1, 1 << 30)))


async def strike_commands(world: World, caller: Caller, dice: random.Random) -> int:
    """At each place once, by the first, second or third command. Answers how many kills."""
    for place in dice.sample(sorted(COMMANDS), len(COMMANDS)):
        api = world.service("api")
        api.start(f"{place}:{dice.randint(1, COMMANDS[place])}")
        await caller.post_while_it_lives(api)
        await api.died()
        await world.let_leases_run_out()
        api.start()
        await caller.ask_what_is_open()
        api.kill()
    return len(COMMANDS)


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F1", "kill -9 of the API before commit, before and after the answer", expects="one stream for each key"
)
async def test_a_command_is_done_once_wherever_the_api_died(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Whoever got no answer asks again with his key, as others ask again for no reason: one list, one answer each."""
    kills = 0
    async with world_on(database_url, tmp_path) as world, calling(world) as caller:
        for _ in range(rounds):
            kills += await strike_commands(world, caller, dice)
        rows = await world.database.fetch("SELECT id, name FROM list")
        streams = await world.database.fetch_value("SELECT count(*) FROM event WHERE type = 'list.created'")

    stored = {row["name"]: row["id"] for row in rows}
    lost = [name for name, answers in caller.answers.items() if set(answers) != {stored.get(name)}]
    measured.add(
        kills=kills, commands=len(caller.answers), lost=len(lost), doubled=len(rows) - len(stored), rounds=rounds
    )
    assert lost == []
    assert streams == len(rows) == len(stored) == len(caller.answers)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[list[str]]:
    """The ids of all events that come out of the bus from now on, repeats as well."""
    heard: list[str] = []
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        exchange = topology().events
        events = await channel.declare_exchange(exchange.name, exchange.kind, durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(events, "#")

        async def hear(message: Any) -> None:
            heard.append(message.headers["cloudEvents:id"])

        await queue.consume(hear, no_ack=True)
        yield heard


async def to_be_published(database: Database) -> set[str]:
    """The ids of all that is to be told."""
    segments = await database.fetch("SELECT store_epoch || '-d' || position || '-0' AS id FROM segment")
    return {*await stored_ids(database), *(row["id"] for row in segments)}


@pytest.mark.timeout(120)
@pytest.mark.fault("F1", "kill -9 of the relay before and after its checkpoint moves", expects="every event published")
async def test_every_event_is_published_wherever_the_relay_died(
    database_url: str, amqp_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Some twice: what was confirmed before the kill, and not noted."""
    async with world_on(database_url, tmp_path, bus_url=amqp_url) as world, listening(amqp_url) as heard:
        await add_sent_task(world.database, TASK, 1, 10)
        places = [place for _ in range(rounds) for place in dice.sample(RELAYS, len(RELAYS))]
        for number, place in enumerate(places, start=TASK + 1):
            await append_tasks(PostgresEventStore(world.database), number, 1)
            await happened(world.database, segment(TASK, Kind.OPENED, [dice.randrange(10)]))
            await world.strike("api", place)
        world.service("api").start()
        wanted = await to_be_published(world.database)
        async with asyncio.timeout(60):
            while not wanted <= set(heard):
                await asyncio.sleep(0.02)

    ours = [each for each in heard if each in wanted]
    measured.add(
        kills=len(RELAYS) * rounds, lost=len(wanted - set(ours)), told_again=len(ours) - len(wanted), rounds=rounds
    )
