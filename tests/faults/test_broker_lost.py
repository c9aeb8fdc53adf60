"""RabbitMQ killed, wiped, blocked and rude in the middle of things: it carries hints and events, and no state."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable

import aio_pika
import pytest

from services.api.published.catalogue import is_published
from services.api.published.envelope import parts_of
from shared.bus.interface import Hint
from shared.bus.watching import Patience
from shared.delivery_log.tail import read_after
from shared.domain.delivery import EVENTS
from shared.event_store.interface import TailPosition
from shared.postgres.database import Database
from tests.audience import post_task
from tests.contract.bus_contract import until
from tests.contract.rabbitmq_rig import RabbitRig
from tests.faults.installation import Installation, account_for, installed
from tests.faults.measured import Measured
from tests.faults.persistent_caller import calling
from tests.servers import databases
from tests.servers.backends import made
from tests.servers.rabbitmq import PrivateRabbitMQ, choose_rabbitmq

RECIPIENTS = 4_000
KILLS = 2
#: An acknowledgement that takes longer closes the channel, as after half an hour where nothing is set.
IMPATIENT = " -rabbit consumer_timeout 2000 channel_tick_interval 1000"
EAR = "ear"

ALL_SHARDS = range(64)

_UNPUBLISHED = """
SELECT count(*) FROM event
  JOIN checkpoint ON name = 'relay'
                 AND (event.store_epoch, event.xid, event.position)
                     > (checkpoint.store_epoch, checkpoint.xid, checkpoint.position)
 WHERE event.position <= $1"""
_UNTOLD = """
SELECT EXISTS (
    SELECT FROM segment JOIN delivery_reached USING (shard)
     WHERE (segment.store_epoch, segment.xid, segment.position)
           > (delivery_reached.store_epoch, delivery_reached.xid, delivery_reached.position)
       AND segment.position <= $1)"""


@pytest.fixture(scope="module")
async def broker() -> AsyncIterator[PrivateRabbitMQ]:
    with made(choose_rabbitmq(os.environ, ours=True)) as broker:
        assert isinstance(broker, PrivateRabbitMQ), "it is harmed by means that a container does not offer"
        broker.application = IMPATIENT
        broker.start()
        yield broker


@pytest.fixture(scope="module")
async def installation(
    broker: PrivateRabbitMQ, postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One for all tests of this file."""
    name = f"{template_database}_broker"
    url = await databases.create(postgres_url, name, template=template_database)
    async with installed(url, broker.url, tmp_path_factory.mktemp("broker")) as installation:
        yield installation
    await databases.drop(postgres_url, name)


async def start_again(broker: PrivateRabbitMQ) -> float:
    """When it took clients again."""
    broker.launch()
    await asyncio.to_thread(broker.wait)
    return time.monotonic()


async def last_event(database: Database) -> int:
    return int(await database.fetch_value("SELECT max(position) FROM event"))


async def unpublished(database: Database) -> int:
    return int(await database.fetch_value(_UNPUBLISHED, await last_event(database)))


async def all_published(database: Database, since: float) -> float:
    """Seconds from then until the bus has confirmed every event of now."""
    last = await last_event(database)
    last_segment = await database.fetch_value("SELECT coalesce(max(position), 0) FROM segment")
    async with asyncio.timeout(90):
        while await database.fetch_value(_UNPUBLISHED, last) or await database.fetch_value(_UNTOLD, last_segment):
            await asyncio.sleep(0.05)
    return time.monotonic() - since


async def listen_in(broker: PrivateRabbitMQ, exchange: str = "postroom.events") -> None:
    """From now on a queue gets each event that is published, and keeps it."""
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        # A classic one: RabbitMQ 3.10 writes down half a second late that it has a quorum queue.
        queue = await channel.declare_queue(EAR, durable=True)
        await queue.bind(exchange, "#")


async def heard(broker: PrivateRabbitMQ) -> list[str]:
    """The ids of what was published."""
    async with await aio_pika.connect(broker.url) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        queue = await channel.get_queue(EAR)
        ids: list[str] = []
        async with queue.iterator(timeout=5) as letters:
            waiting = queue.declaration_result.message_count or 0
            async for letter in letters:
                ids.append(letter.message_id or "")
                await letter.ack()
                if len(ids) >= waiting:
                    break
        await channel.queue_delete(EAR)
    return ids


async def published_ids(database: Database, after: int, task_id: int) -> set[str]:
    """Of the events behind that position, and of what became of the task's recipients, the ids on the bus."""
    rows = await database.fetch("SELECT store_epoch, position, type FROM event WHERE position > $1", after)
    events = {f"{row['store_epoch']}-{row['position']}" for row in rows if is_published(row["type"])}
    async with database.transaction() as connection:
        segments = await read_after(connection, dict.fromkeys(ALL_SHARDS, TailPosition()), 1 << 30, EVENTS)
    return events | {
        f"{segment.at.store_epoch}-d{segment.at.position}-{part}"
        for segment in segments
        if segment.task_id == task_id
        for part in range(parts_of(segment))
    }


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F13",
    "RabbitMQ killed (`kill -9`) in mid-batch",
    expects="nothing confirmed is lost; sends do not stop; events and hints flow again alone",
)
async def test_the_broker_is_killed(
    installation: Installation, broker: PrivateRabbitMQ, dice: random.Random, rounds: int, measured: Measured
) -> None:
    database, size = installation.database, RECIPIENTS * rounds
    await listen_in(broker)
    begun = await last_event(database)
    await post_task(database, size, number=13)
    async with calling(installation, "kill") as caller:
        for _ in range(KILLS * rounds):
            await caller.accepted(10)
            await asyncio.sleep(dice.uniform(0, 0.3))
            broker.kill()
            await caller.accepted(10)
            back = await start_again(broker)
            await caller.accepted()
            measured.add(kills=1, events_again_seconds=await all_published(database, back))
    await installation.completed(13)
    await all_published(database, time.monotonic())

    wanted, told = await published_ids(database, begun, 13), await heard(broker)
    measured.add(rounds=rounds, events=len(wanted), told_twice=len(told) - len(set(told)), lost=len(wanted - set(told)))
    assert not wanted - set(told), "an event that the broker confirmed is gone"
    await account_for(installation, 13, size, measured)
    await caller.account_for(measured)
    assert not measured.figures["doubled"]
    assert set(caller.answers) == {201}, caller.answers


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F14",
    "RabbitMQ's data directory wiped in the middle of a task",
    expects="nobody lost, nobody doubled; found by the sweep within 60 s",
)
async def test_the_broker_is_wiped(
    installation: Installation, broker: PrivateRabbitMQ, dice: random.Random, rounds: int, measured: Measured
) -> None:
    size = RECIPIENTS // 2
    for number in range(140, 140 + rounds):
        await post_task(installation.database, size, number=number)
        await installation.sent(dice.randint(1, size // 2))
        broker.kill()
        broker.wipe()
        wiped = time.monotonic()
        await post_task(installation.database, size, number=number + 30)  # nobody can be told that it is due
        await start_again(broker)
        for task_id in (number, number + 30):
            await installation.completed(task_id)
        measured.add(kills=1, swept_seconds=time.monotonic() - wiped)
        measured.add(bus_again_seconds=await all_published(installation.database, wiped))
        for task_id in (number, number + 30):
            await account_for(installation, task_id, size, measured)
    measured.add(rounds=rounds)
    assert not measured.figures["doubled"]


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F15",
    "the broker blocks whoever publishes (alarm for memory or disk)",
    expects="the API goes on answering 2xx, events wait in Postgres, then drain",
)
async def test_the_broker_takes_nothing_for_a_while(
    installation: Installation, broker: PrivateRabbitMQ, dice: random.Random, rounds: int, measured: Measured
) -> None:
    database = installation.database
    alarms = {
        "memory": ("set_vm_memory_high_watermark", ("absolute", "1MB"), ("absolute", "512MB")),
        "disk": ("set_disk_free_limit", (str(10**15),), ("50MB",)),
    }
    for number in range(15, 15 + rounds):
        command, low, usual = alarms[dice.choice(sorted(alarms))]
        await asyncio.to_thread(broker.control, command, *low)
        await post_task(database, RECIPIENTS // 4, number=number)
        async with calling(installation, f"block{number}") as caller:
            async with asyncio.timeout(90):
                while await unpublished(database) < 50 * rounds:
                    await asyncio.sleep(0.05)
            await installation.completed(number)
        waiting, lifted = await unpublished(database), time.monotonic()
        await asyncio.to_thread(broker.control, command, *usual)
        drained = await all_published(database, lifted)
        measured.add(rounds=1, outages=1, waited=waiting, drained_seconds=drained, api_slowest_seconds=caller.slowest)
        await account_for(installation, number, RECIPIENTS // 4, measured)
        await caller.account_for(measured)
        assert set(caller.answers) == {201}, caller.answers


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F16",
    "a consumer cancelled by the broker, a queue deleted, a channel closed (406), an acknowledgement too late",
    expects="the listener is back within 30 s, and hints arrive",
)
async def test_the_broker_turns_a_listener_out(broker: PrivateRabbitMQ, rounds: int, measured: Measured) -> None:
    for number in range(rounds):
        async with RabbitRig(broker.url, f"rude{number}.", Patience(look=2, pause=0.2)) as rig:
            await _turned_out(rig, broker, measured)
    measured.add(rounds=rounds)


async def _turned_out(rig: RabbitRig, broker: PrivateRabbitMQ, measured: Measured) -> None:
    hints: list[int] = []
    busy, free = asyncio.Event(), asyncio.Event()

    async def handle(hint: Hint) -> None:
        if hint.key == 1:
            busy.set()
            await free.wait()
        hints.append(hint.key or 0)

    queue = rig.names.hints["dispatcher"].name

    async def arrives(key: int, wrong: Callable[[], object]) -> None:
        wrong()
        began = time.monotonic()
        while key not in hints:
            assert time.monotonic() < began + 60, f"hint {key} never came"
            try:
                await rig.bus.hint("dispatcher", Hint("task_due", key=key))
            except Exception:  # noqa: BLE001 - refused while there is no queue: again
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)
        measured.add(cuts=1, listens_again_seconds=time.monotonic() - began)

    async with await rig.bus.listen("dispatcher", handle):
        await rig.bus.hint("dispatcher", Hint("task_due", key=1))
        await busy.wait()
        await rig.bus.hint("dispatcher", Hint("task_due", key=2))  # it lies here until the first is done with
        await until(lambda: broker.said("delivery acknowledgement"), 60)
        await arrives(2, free.set)
        await rig.channel.queue_delete(queue)
        await arrives(3, lambda: None)
    assert {1, 2, 3} <= set(hints)
