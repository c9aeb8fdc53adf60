"""What others hear of an SMS that somebody sent to us: who said what, for as long as that is kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.bus.on_rabbitmq import OnRabbitMQ
from shared.bus.topology import topology
from shared.domain.identifiers import sms_stream
from shared.domain.inbound_sms import SmsReceived
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.relay_rig import NOON, Running, append_tasks, until


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


async def receive(database: Database, number: int, text: str, subscriber_id: int | None = None) -> None:
    """As the intake does."""
    await database.execute(
        """INSERT INTO inbound_sms (id, account_id, subscriber_id, meaning, from_number, to_number, body, expires_at)
           VALUES ($1, 7, $2, 'text', '+447700900123', '60777', $3, clock_timestamp() + interval '1 day')""",
        number,
        subscriber_id,
        text,
    )
    event = SmsReceived(number, subscriber_id, NOON)
    await PostgresEventStore(database).append(Append((StreamAppend(sms_stream(number), 0, [event], Actor(7)),)))


async def hear_in_process(database: Database, count: int, pattern: str = "sms.*") -> list[EventEnvelope]:
    """The first so many that a relay publishes."""
    bus, heard = InProcess(), list[EventEnvelope]()

    async def hear(envelope: EventEnvelope) -> None:
        heard.append(envelope)

    bus.listen_events(pattern, hear)
    running = Running(database, bus)
    await until(lambda: len(heard) >= count)
    await running.stop()
    await bus.close()
    return heard


async def test_it_says_who_wrote_what_to_which_number(database: Database) -> None:
    await receive(database, 12, "Grüße 🙂", subscriber_id=5)
    (heard,) = await hear_in_process(database, 1)

    assert (heard.type, heard.routing_key, heard.subject) == ("postroom.sms.received", "sms.received", "sms/12")
    assert heard.account_id == 7
    assert json.loads(heard.data) == {
        "id": 12,
        "subscriber_id": 5,
        "from": "+447700900123",
        "to": "60777",
        "text": "Grüße 🙂",
        "time": NOON,
    }


async def test_what_was_forgotten_by_then_is_null(database: Database) -> None:
    """The event goes out all the same: also of a row that is no more."""
    await receive(database, 12, "Hello")
    await receive(database, 13, "Bye")
    await database.execute("UPDATE inbound_sms SET from_number = NULL, to_number = NULL, body = NULL WHERE id = 12")
    await database.execute("DELETE FROM inbound_sms WHERE id = 13")
    heard = [json.loads(envelope.data) for envelope in await hear_in_process(database, 2)]

    assert [data["id"] for data in heard] == [12, 13]
    for data in heard:
        assert (data["subscriber_id"], data["from"], data["to"], data["text"]) == (None, None, None, None)


async def test_they_go_out_in_their_place_among_the_others(database: Database) -> None:
    """Many at once, each with its own text."""
    for number in range(1, 31):
        await receive(database, number, f"text {number}")
        await append_tasks(PostgresEventStore(database), number, 1)
    heard = await hear_in_process(database, 60, "#")

    assert [envelope.routing_key for envelope in heard] == ["sms.received", "task.cancelled"] * 30
    texts = [json.loads(envelope.data)["text"] for envelope in heard if envelope.routing_key == "sms.received"]
    assert texts == [f"text {number}" for number in range(1, 31)]


async def test_no_event_holds_a_number_or_a_text(database: Database) -> None:
    """Those live in a row that expires and can be erased; the log is for good."""
    await receive(database, 12, "Hello", subscriber_id=5)

    assert await database.fetch_value("SELECT data FROM event") == {"sms_id": 12, "subscriber_id": 5, "at": NOON}


async def test_on_rabbitmq_it_is_a_cloud_event(database: Database, amqp_url: str, amqp_prefix: str) -> None:
    """As somebody of another house hears it, who bound a queue to all of them."""
    rabbit, names = OnRabbitMQ(amqp_url, amqp_prefix), topology(amqp_prefix)
    heard: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        exchange = await channel.declare_exchange(names.events.name, names.events.kind, durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "sms.*")
        await queue.consume(heard.put, no_ack=True)
        await receive(database, 12, "Hello", subscriber_id=5)
        running = Running(database, rabbit)
        message = await asyncio.wait_for(heard.get(), 30)
        await running.stop()
        await rabbit.close()
        for declared in names.queues:
            await channel.queue_delete(declared.name)
        for ours in names.exchanges:
            await channel.exchange_delete(ours.name)

    headers: dict[str, Any] = dict(message.headers)
    assert (message.routing_key, headers["cloudEvents:type"]) == ("sms.received", "postroom.sms.received")
    assert (headers["cloudEvents:subject"], headers["cloudEvents:accountid"]) == ("sms/12", "7")
    assert json.loads(message.body)["text"] == "Hello"
