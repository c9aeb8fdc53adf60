"""What RabbitMQ does with hints that nobody takes, or nobody can: the arguments of the queues at work."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelPreconditionFailed, DeliveryError
from pamqp.common import FieldTable

from shared.bus.interface import Hint, PublishFailed
from shared.bus.topology import DELIVERY_LIMIT, MOST_HINTS
from tests.contract.rabbitmq_rig import RabbitRig


@pytest.fixture
async def rig(amqp_url: str, amqp_prefix: str) -> AsyncIterator[RabbitRig]:
    async with RabbitRig(amqp_url, amqp_prefix) as rig:
        yield rig


async def wait_for_letter(rig: RabbitRig, queue: str) -> AbstractIncomingMessage:
    async with asyncio.timeout(15):
        while not (letters := await rig.take_all(queue)):
            await asyncio.sleep(0.02)
    (letter,) = letters
    return letter


async def test_a_hint_given_back_too_often_ends_among_the_dead_letters(rig: RabbitRig) -> None:
    """A consumer that dies of it each time stands for one that gives it back."""
    await rig.bus.hint("dispatcher", Hint("task_due", key=7))
    queue = await rig.channel.get_queue(rig.names.hints["dispatcher"].name, ensure=False)
    given_out = 0
    while message := await queue.get(fail=False, timeout=5):
        given_out += 1
        assert given_out <= DELIVERY_LIMIT + 1, "no end to it"
        await message.nack(requeue=True)
    letter = await wait_for_letter(rig, rig.names.dead_letters.name)

    assert given_out == DELIVERY_LIMIT + 1
    assert letter.body == b'{"topic":"task_due","key":7,"extra":[]}'
    assert letter.headers["x-first-death-reason"] == "delivery_limit"


async def test_a_rejected_hint_ends_among_the_dead_letters(rig: RabbitRig) -> None:
    await rig.bus.hint("dispatcher", Hint("task_due"))
    queue = await rig.channel.get_queue(rig.names.hints["dispatcher"].name, ensure=False)
    await (await queue.get(timeout=5)).reject(requeue=False)

    assert (await wait_for_letter(rig, rig.names.dead_letters.name)).headers["x-first-death-reason"] == "rejected"


async def test_a_hint_of_a_role_that_is_away_expires_and_buries_no_dead_letter(rig: RabbitRig) -> None:
    """Sent with a life of its own, shorter than the queue's minute."""
    message = aio_pika.Message(b"old", expiration=0.05)
    await rig.channel.default_exchange.publish(message, rig.names.hints["dispatcher"].name, timeout=5)

    assert (await wait_for_letter(rig, rig.names.expired.name)).body == b"old"
    assert await rig.reasons() == []


async def test_a_full_queue_refuses_and_drops_nothing(rig: RabbitRig) -> None:
    """What waits is still there, what is refused the caller knows of."""
    name = rig.names.hints["dispatcher"].name
    refused = 0
    for _ in range(0, MOST_HINTS + 500, 500):
        posts = (rig.channel.default_exchange.publish(aio_pika.Message(b"x"), name, timeout=10) for _ in range(500))
        answers = await asyncio.gather(*posts, return_exceptions=True)
        refused += sum(isinstance(answer, DeliveryError) for answer in answers)
    with pytest.raises(PublishFailed):
        await rig.bus.hint("dispatcher", Hint("task_due"))
    queue = await rig.channel.declare_queue(name, passive=True)

    assert queue.declaration_result.message_count == MOST_HINTS + 500 - refused


@pytest.mark.parametrize(
    "argument", ["x-queue-type", "x-dead-letter-exchange", "x-overflow", "x-max-length", "x-message-ttl"]
)
async def test_the_broker_holds_the_arguments_as_declared(rig: RabbitRig, argument: str) -> None:
    """It takes the same declaration again, and refuses one that differs in a single argument."""
    queue = rig.names.hints["dispatcher"]
    await rig.channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
    without: FieldTable = {name: value for name, value in queue.arguments.items() if name != argument}
    async with await aio_pika.connect(rig.url) as connection:
        channel = await connection.channel()
        with pytest.raises(ChannelPreconditionFailed):
            await channel.declare_queue(queue.name, durable=True, arguments=without)
