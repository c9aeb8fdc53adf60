"""Each published event comes ten times, in any order: whoever keeps sets counts what the API counts."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from services.api.keys import CreatedKey
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.faults.measured import Measured
from tests.integration.published_rig import add_sent_task, happened, segment
from tests.integration.test_rebuild_stats import (  # noqa: F401 - its fixtures
    CONSUMER,
    PEOPLE,
    TASK,
    admin,
    api_url,
    database,
    exchange,
    read_counts,
    read_until,
    some_of_each,
    until_published,
)
from tests.integration.tracker.running_projectors import project_all

COPIES: Final = 10
STEP: Final = 200  #: ordinals from one round to the next


@asynccontextmanager
async def consuming(url: str, key: str, bus: str, exchange: str) -> AsyncIterator[asyncio.subprocess.Process]:  # noqa: F811
    """The example that others begin with, at work."""
    arguments = ["--url", url, "--key", key, "--bus", bus, "--exchange", exchange, "--task", str(TASK)]
    consumer = await asyncio.create_subprocess_exec(
        sys.executable, str(CONSUMER), *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield consumer
    finally:
        consumer.kill()
        await consumer.wait()


async def drained(queue: AbstractQueue, database: Database) -> list[AbstractIncomingMessage]:  # noqa: F811
    """All that was published."""
    await until_published(database)
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message)
    return found


@pytest.mark.timeout(120)
@pytest.mark.fault(
    "F17", "each published event ten times, shuffled, to a consumer", expects="unique counts as the API has them"
)
async def test_no_repeat_of_an_event_counts(
    api_url: str,  # noqa: F811
    admin: CreatedKey,  # noqa: F811
    database: Database,  # noqa: F811
    amqp_url: str,
    exchange: str,  # noqa: F811
    dice: random.Random,
    rounds: int,
    measured: Measured,
) -> None:
    """Those of all rounds come again, old ones behind new ones; the last one of a round says that it has had them."""
    await add_sent_task(database, TASK, admin["account_id"], PEOPLE)
    published: list[AbstractIncomingMessage] = []
    async with (
        consuming(api_url, admin["key"], amqp_url, exchange) as consumer,
        await aio_pika.connect(amqp_url) as connection,
        connection.channel() as channel,
    ):
        events = await channel.declare_exchange(exchange, "topic", durable=True)
        tap = await channel.declare_queue(exclusive=True)
        await tap.bind(events, "delivery.*")
        await read_until(consumer, {})  # it listens
        for number in range(1, rounds + 1):
            await happened(database, *some_of_each(STEP * (number % 2)))
            published += await drained(tap, database)
            again = published * (COPIES - 1)
            dice.shuffle(again)
            for message in again:
                copy = aio_pika.Message(message.body, headers=message.headers, message_id=message.message_id)
                await events.publish(copy, message.routing_key or "")
            measured.add(repeats=len(again))
            await drained(tap, database)
            await happened(database, segment(TASK, Kind.OPENED, [PEOPLE - 1 - number % STEP]))
            published += await drained(tap, database)
            await project_all(database)
            await read_until(consumer, await read_counts(api_url, admin["key"]))
    measured.add(counted_wrongly=0, events=len(published), rounds=rounds)
    assert len(published) > rounds
