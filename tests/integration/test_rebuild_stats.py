"""The example consumer of docs/examples rebuilds the figures of a task from what was published, on a real RabbitMQ."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aio_pika
import aiohttp
import orjson
import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event

from services.api.app import start_api
from services.api.keys import CreatedKey, create_key
from shared.bus.on_rabbitmq import OnRabbitMQ
from shared.bus.topology import topology
from shared.delivery_log.segments import Segment
from shared.domain.delivery import EVENTS
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import read_settings
from tests.integration.published_rig import add_sent_task, happened, segment
from tests.integration.tracker.running_projectors import project_all

CONSUMER = Path(__file__).resolve().parents[2] / "docs/examples/rebuild_stats.py"
TASK = 7
PEOPLE = 1_500
SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC0="


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
async def exchange(amqp_url: str, amqp_prefix: str) -> AsyncIterator[str]:
    """Everything the bus declares is removed at the end."""
    names = topology(amqp_prefix)
    yield names.events.name
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        for declared in names.queues:
            await channel.queue_delete(declared.name)
        for exchange_of_ours in names.exchanges:
            await channel.exchange_delete(exchange_of_ours.name)


@pytest.fixture
async def api_url(
    database: Database, database_url: str, amqp_url: str, amqp_prefix: str, exchange: str
) -> AsyncIterator[str]:
    """An API whose relays publish to RabbitMQ."""
    given = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": amqp_url,
        "POSTROOM_SECRET": SECRET,
        "POSTROOM_API_PORT": "0",
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_SWEEP_SECONDS": "0.1",
    }
    bus = OnRabbitMQ(amqp_url, amqp_prefix)
    running = await start_api(read_settings(given, frozenset()), database, PostgresEventStore(database), bus)
    yield running.url
    await running.stop()
    await bus.close()


@pytest.fixture
async def admin(database: Database) -> CreatedKey:
    secret = read_settings({"POSTROOM_SECRET": SECRET}, frozenset()).secret
    created = await create_key(database, PostgresEventStore(database), secret, "acme", "ann", "admin", "test")
    assert not isinstance(created, Refused)
    return created


def some_of_each(shift: int) -> list[Segment]:
    """Each event to others, some of them to many and some of them again."""
    return [segment(TASK, kind, [*range(shift, shift + 1_100, place + 1), shift]) for place, kind in enumerate(EVENTS)]


async def read_counts(api_url: str, key: str) -> dict[str, int]:
    """What the API says, without events that happened to nobody."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.get(f"{api_url}/task/{TASK}/report") as answer,
    ):
        report = await answer.json()
    return {event: count for event, count in report["unique"].items() if count}


async def test_the_example_counts_as_the_api_does(
    api_url: str, admin: CreatedKey, database: Database, amqp_url: str, exchange: str
) -> None:
    """From the beginning, when nobody listened yet, and on with what comes; nobody is missing and nobody is twice."""
    await add_sent_task(database, TASK, admin["account_id"], PEOPLE)
    await happened(database, *some_of_each(0))
    await until_published(database)
    arguments = ["--url", api_url, "--key", admin["key"], "--bus", amqp_url, "--exchange", exchange]
    consumer = await asyncio.create_subprocess_exec(
        sys.executable, str(CONSUMER), *arguments, "--task", str(TASK), stdout=asyncio.subprocess.PIPE
    )
    try:
        await project_all(database)
        before = await read_counts(api_url, admin["key"])
        await read_until(consumer, before)
        await happened(database, *some_of_each(400))
        await project_all(database)
        after = await read_counts(api_url, admin["key"])
        await read_until(consumer, after)
    finally:
        consumer.kill()
        await consumer.wait()

    assert before.keys() == after.keys() == {kind.name.lower() for kind in EVENTS}
    assert before["submitted"] == 1_100
    assert after["submitted"] == PEOPLE


async def test_what_rabbitmq_carries_is_a_cloud_event(
    api_url: str, admin: CreatedKey, database: Database, amqp_url: str, exchange: str
) -> None:
    """By the library of the standard, from the message as it comes."""
    await add_sent_task(database, TASK, admin["account_id"], PEOPLE)
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        events = await channel.declare_exchange(exchange, "topic", durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(events, "delivery.opened")
        await happened(database, *some_of_each(0))
        async with queue.iterator(timeout=30) as messages:
            message = await anext(messages)
            await message.ack()

    headers: dict[str, Any] = dict(message.headers)
    event = from_amqp_event(AMQPMessage({"content-type": message.content_type}, headers, message.body))

    assert event.get_type() == "postroom.delivery.opened"
    assert event.get_id() == message.message_id
    assert event.get_extension("accountid") == str(admin["account_id"])
    data: Any = event.get_data()
    assert data["task_id"] == TASK


async def until_published(database: Database) -> None:
    """The relay has passed everything, with nobody listening."""
    async with asyncio.timeout(60):
        while await database.fetch_value(
            """SELECT count(*) FROM segment JOIN delivery_reached USING (shard)
                WHERE (segment.store_epoch, segment.xid, segment.position)
                    > (delivery_reached.store_epoch, delivery_reached.xid, delivery_reached.position)"""
        ):
            await asyncio.sleep(0.05)


async def read_until(consumer: asyncio.subprocess.Process, counts: dict[str, int]) -> None:
    """Lines of the consumer until one says exactly this."""
    assert consumer.stdout is not None
    told: list[Any] = []
    try:
        async with asyncio.timeout(60):
            while counts not in told:
                line = await consumer.stdout.readline()
                assert line, "the consumer has ended"
                told.append(orjson.loads(line))
    except TimeoutError:
        pytest.fail(f"the API counts {counts}, the example {told[-1:]}")
