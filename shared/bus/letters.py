"""What leaves for RabbitMQ, and how: at the level of the driver where a page of messages is written at once.

Above it each message is an object with a lock, and is flushed alone before the next one is begun.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiormq import Channel, spec
from aiormq.abc import AbstractChannel

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
    # Started in this order and written in it, as the channel's lock is fair.
    answers = await asyncio.gather(*(_post(channel, letter) for letter in letters), return_exceptions=True)
    for fault in answers:
        if isinstance(fault, BaseException):
            raise fault


async def _post(channel: Channel, letter: Letter) -> None:
    await channel.basic_publish(
        letter.body,
        exchange=letter.exchange,
        routing_key=letter.routing_key,
        properties=letter.properties,
        mandatory=letter.mandatory,
        wait=False,  # for the confirmation alone, not for each to leave
    )
