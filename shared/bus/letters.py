"""What leaves for RabbitMQ, and how: at the level of the driver where a page of messages is written at once.

Above it each message is an object, a task and a write of its own.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiormq import Channel, spec
from aiormq.abc import AbstractChannel, ChannelFrame
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from shared.bus.cloud_event import CONTENT_TYPE, cloud_event_headers
from shared.bus.interface import EventEnvelope

PERSISTENT = 2  #: the delivery mode of what outlives a restart of the broker


@dataclass(frozen=True, slots=True)
class Letter:
    exchange: str
    routing_key: str
    body: bytes
    properties: spec.Basic.Properties
    mandatory: bool  #: refused when no queue takes it


def letter_to(queue: str, body: bytes, headers: Mapping[str, str | int] | None = None) -> Letter:
    """Past all exchanges."""
    properties = spec.Basic.Properties(content_type=CONTENT_TYPE, delivery_mode=PERSISTENT, headers=dict(headers or {}))
    return Letter("", queue, body, properties, mandatory=True)


def event_letter(exchange: str, envelope: EventEnvelope) -> Letter:
    properties = spec.Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT,
        headers=dict(cloud_event_headers(envelope)),
        message_id=envelope.id,
        message_type=envelope.type,
        timestamp=envelope.time,
    )
    return Letter(exchange, envelope.routing_key, envelope.data, properties, mandatory=False)


async def post(channel: AbstractChannel, letters: Sequence[Letter]) -> None:
    """Returns when the broker has confirmed every one. Raises what the driver raises, when all have an answer."""
    if not isinstance(channel, Channel):
        raise TypeError("no channel of this driver")
    if any(letter.mandatory for letter in letters):  # the driver itself tells returned ones from confirmed ones
        waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(_post_alone(channel, letter)) for letter in letters]
    else:
        waiting = await _write(channel, letters)
    for fault in await asyncio.gather(*waiting, return_exceptions=True):
        if isinstance(fault, BaseException):
            raise fault


async def _post_alone(channel: Channel, letter: Letter) -> None:
    await channel.basic_publish(
        letter.body,
        exchange=letter.exchange,
        routing_key=letter.routing_key,
        properties=letter.properties,
        mandatory=letter.mandatory,
    )


async def _write(channel: Channel, letters: Sequence[Letter]) -> list[asyncio.Future[Any]]:
    """All in one write; what is given back ends when the broker has confirmed each. It counts as the broker does."""
    frames = [frame for letter in letters for frame in _frames(channel, letter)]
    written = ChannelFrame.marshall(channel.number, frames)
    async with channel.lock:
        first = channel.delivery_tag + 1
        confirmations = {first + place: channel.create_future() for place in range(len(letters))}
        channel.confirmations.update(confirmations)
        channel.delivery_tag += len(letters)
        try:
            await channel.write_queue.put(written)
        except BaseException:
            # The broker never heard of them, and gives their numbers to those that come next.
            channel.delivery_tag = first - 1
            for number, confirmation in confirmations.items():
                channel.confirmations.pop(number, None)
                confirmation.cancel()
            raise
    return list(confirmations.values())


def _frames(channel: Channel, letter: Letter) -> Iterator[Any]:
    most = channel.max_content_size
    yield spec.Basic.Publish(exchange=letter.exchange, routing_key=letter.routing_key)
    yield ContentHeader(properties=letter.properties, body_size=len(letter.body))
    for start in range(0, len(letter.body), most):
        yield ContentBody(letter.body[start : start + most])
