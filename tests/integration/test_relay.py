"""The relay publishes every event, in order, at least once, whatever dies or fails on the way."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from services.api.relay import BATCH
from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.bus.on_rabbitmq import OnRabbitMQ
from shared.bus.topology import topology
from shared.domain.account import AccountOpened
from shared.domain.identifiers import AccountId
from shared.domain.task import TaskCancelled, TaskChanged
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.relay_rig import LONG, NOON, Bus, Running, Troubled, append_tasks, stored_ids, until

SHORT = 1.5  # seconds of lease


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    in_process = InProcess()
    bus = Bus(in_process)

    async def hear(envelope: EventEnvelope) -> None:
        bus.heard.append(envelope.id)

    in_process.listen_events("task.*", hear)
    yield bus
    await in_process.close()


@pytest.fixture
async def rabbit_bus(amqp_url: str, amqp_prefix: str) -> AsyncIterator[Bus]:
    """RabbitMQ, heard as somebody of another house would."""
    rabbit = OnRabbitMQ(amqp_url, amqp_prefix)
    await rabbit.publish([])
    bus = Bus(rabbit)
    names = topology(amqp_prefix)
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        exchange = await channel.declare_exchange(names.events.name, names.events.kind, durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "task.*")

        async def hear(message: AbstractIncomingMessage) -> None:
            bus.heard.append(str(message.headers["cloudEvents:id"]))

        await queue.consume(hear, no_ack=True)
        yield bus
        await rabbit.close()
        for declared in names.queues:
            await channel.queue_delete(declared.name)
        for exchange_of_ours in names.exchanges:
            await channel.exchange_delete(exchange_of_ours.name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url, connections=12)
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database)


async def test_events_go_out_as_the_contract_says(database: Database, store: PostgresEventStore) -> None:
    in_process = InProcess()
    envelopes: list[EventEnvelope] = []

    async def hear(envelope: EventEnvelope) -> None:
        envelopes.append(envelope)

    in_process.listen_events("#", hear)
    change = TaskChanged("Köln", None, 4, NOON)
    await store.append(Append((StreamAppend("task-7", 0, [change, TaskCancelled(NOON)], Actor(70, 700)),)))
    [recorded, _] = await store.read_stream("task-7")
    running = Running(database, in_process)

    await until(lambda: len(envelopes) == 2)
    await running.stop()

    changed, cancelled = envelopes
    assert changed.id == f"{recorded.at.store_epoch}-{recorded.at.position}"
    assert (changed.type, changed.routing_key) == ("postroom.task.changed", "task.changed")
    assert (cancelled.type, cancelled.routing_key) == ("postroom.task.cancelled", "task.cancelled")
    assert (changed.account_id, changed.subject) == (70, "task/7")
    assert changed.time == datetime.fromtimestamp(recorded.recorded_at, UTC)
    assert json.loads(changed.data) == {
        "task_id": 7,
        "version": 1,
        "name": "Köln",
        "list_id": None,
        "search_id": 4,
        "scheduledtime": 43_200.0,
        "expires": None,
        "send_window": None,
    }
    assert json.loads(cancelled.data) == {"task_id": 7, "version": 2, "at": 43_200.0}


async def test_what_is_nobody_elses_business_is_passed_over(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    opened = AccountOpened(AccountId(7), "Acme", NOON)
    await store.append(Append((StreamAppend("account-7", 0, [opened], Actor(7)),)))
    await append_tasks(store, 1, 1)
    await store.append(Append((StreamAppend("account-8", 0, [opened], Actor(8)),)))
    running = Running(database, bus.publisher)

    async with asyncio.timeout(10):
        while await running.relay.lag() > 0:
            await asyncio.sleep(0.01)
    await running.stop()

    assert bus.heard == await stored_ids(database)
    assert len(bus.heard) == 1


async def test_many_go_out_in_batches_once_and_in_order(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    await append_tasks(store, 1, 2 * BATCH + 1)
    publisher = Troubled(bus.publisher)
    running = Running(database, publisher)

    await until(lambda: len(bus.heard) == 2 * BATCH + 1)
    await running.stop()

    assert bus.heard == await stored_ids(database)
    assert publisher.batches == [BATCH, BATCH, 1]


async def test_a_ring_is_heard_before_the_sweep(database: Database, store: PostgresEventStore, bus: Bus) -> None:
    await append_tasks(store, 1, 1)
    running = Running(database, bus.publisher, sweep=LONG, lease=10 * LONG)
    await until(lambda: len(bus.heard) == 1)
    await append_tasks(store, 2, 1)

    running.relay.wakeup.ring()

    await until(lambda: len(bus.heard) == 2)
    await running.stop()


async def test_a_failed_publish_is_tried_again_and_loses_nothing(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    await append_tasks(store, 1, 10)
    publisher = Troubled(bus.publisher, before_trouble=[0, 4])
    running = Running(database, publisher)

    await until(lambda: len(bus.first_heard) == 10)
    await running.stop()

    assert publisher.batches == [10, 10, 10]
    ids = await stored_ids(database)
    assert bus.heard == ids[:4] + ids


async def test_nothing_counts_as_published_before_the_bus_has_confirmed(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    """While the bus has said nothing the checkpoint stands where it stood, whatever it has been given."""
    await append_tasks(store, 1, 10)
    publisher = Troubled(bus.publisher, before_trouble=[10], hangs=True)
    running = Running(database, publisher)

    await until(publisher.hanging.is_set)
    position = await database.fetch_value("SELECT position FROM checkpoint WHERE name = 'relay'")
    await running.kill()

    assert position == 0


async def test_a_relay_that_is_stopped_goes_on_where_it_stood(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    """Its successor has another number and need not wait for the lease."""
    await append_tasks(store, 1, 3)
    first = Running(database, bus.publisher, owner=1)
    await until(lambda: len(bus.heard) == 3)
    await first.stop()
    await append_tasks(store, 4, 3)
    second = Running(database, bus.publisher, owner=2)

    await until(lambda: len(bus.heard) == 6)
    await second.stop()

    assert bus.heard == await stored_ids(database)


async def test_when_one_relay_is_killed_the_other_goes_on_and_nothing_is_lost(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    await kill_one_of_two(database, store, bus)


async def test_when_one_relay_is_killed_the_other_goes_on_and_nothing_is_lost_on_rabbitmq(
    database: Database, store: PostgresEventStore, rabbit_bus: Bus
) -> None:
    await kill_one_of_two(database, store, rabbit_bus)


async def kill_one_of_two(database: Database, store: PostgresEventStore, bus: Bus) -> None:
    """In the middle of a batch, while events keep coming."""
    dying = Troubled(bus.publisher, before_trouble=[None, 30], hangs=True)
    spare = Troubled(bus.publisher)
    await append_tasks(store, 1, BATCH + 70)
    first = Running(database, dying, owner=1, lease=SHORT)
    await asyncio.wait_for(dying.hanging.wait(), 30)
    second = Running(database, spare, owner=2, lease=SHORT)
    for number in range(20):
        await append_tasks(store, 1000 + 5 * number, 5)
    await first.kill()

    await until(lambda: len(bus.first_heard) == BATCH + 170)
    await second.stop()
    assert bus.first_heard == await stored_ids(database)


async def test_a_relay_whose_lease_was_taken_stops_publishing_and_moves_nothing(
    database: Database, store: PostgresEventStore, bus: Bus
) -> None:
    """It was merely slow. The other one goes on from the checkpoint, and what the slow one writes meets no row."""
    await append_tasks(store, 1, 10)
    slow = Troubled(bus.publisher, before_trouble=[5], hangs=True)
    first = Running(database, slow, owner=1, lease=SHORT)
    await asyncio.wait_for(slow.hanging.wait(), 30)
    await database.execute("UPDATE checkpoint SET epoch = epoch + 1, owner = 2, leased_until = now() + interval '1 h'")

    await until(lambda: slow.cancelled)
    assert await database.fetch_value("SELECT position FROM checkpoint") == 0
    second = Running(database, bus.publisher, owner=2)
    await until(lambda: len(bus.first_heard) == 10)
    await append_tasks(store, 11, 10)
    await until(lambda: len(bus.first_heard) == 20)
    await first.stop()
    await second.stop()

    assert slow.batches == [10]
    assert bus.first_heard == await stored_ids(database)


async def test_events_appended_by_many_at_once_go_out_in_the_order_of_the_store(
    database: Database, database_url: str, bus: Bus
) -> None:
    """Of three processes, each with commits of its own, while the relay reads."""
    databases = [await Database.connect(database_url, connections=2) for _ in range(3)]
    running = Running(database, bus.publisher, sweep=0.001)

    stores = [PostgresEventStore(each) for each in databases]
    await asyncio.gather(*(append_tasks(stores[n % 3], 1 + 10 * n, 10) for n in range(60)))

    await until(lambda: len(bus.heard) == 600)
    await running.stop()
    assert bus.heard == await stored_ids(database)
    for each in databases:
        await each.close()
