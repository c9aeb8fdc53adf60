"""A bus on a real RabbitMQ, and a second pair of hands on the same broker that knows nothing of the adapter."""

from types import TracebackType
from typing import Self

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from shared.bus.interface import EventEnvelope, Role
from shared.bus.on_rabbitmq import OnRabbitMQ
from shared.bus.topology import topology
from shared.bus.watching import Patience
from tests.contract.bus_contract import NOON, event


class RabbitRig:
    def __init__(self, url: str, prefix: str, patience: Patience | None = None) -> None:
        self.url = url
        self.names = topology(prefix)
        self.bus = OnRabbitMQ(url, prefix, patience)

    async def __aenter__(self) -> Self:
        await self.bus.publish([event(0)])  # the first to publish has everything declared
        await self.reach_in()
        return self

    async def reach_in(self) -> None:
        """Once more after the broker was away."""
        self._connection = await aio_pika.connect(self.url, timeout=10)
        self.channel = await self._connection.channel(on_return_raises=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.bus.close()
        await self.remove_all()
        await self._connection.close()

    async def remove_all(self) -> None:
        for queue in self.names.queues:
            await self.channel.queue_delete(queue.name)
        for exchange in self.names.exchanges:
            await self.channel.exchange_delete(exchange.name)

    async def put_raw(self, role: Role, body: bytes) -> None:
        await self.channel.default_exchange.publish(aio_pika.Message(body), self.names.hints[role].name, timeout=5)

    async def take_all(self, name: str) -> list[AbstractIncomingMessage]:
        queue = await self.channel.get_queue(name, ensure=False)
        letters = []
        while letter := await queue.get(no_ack=True, fail=False, timeout=5):
            letters.append(letter)
        return letters

    async def reasons(self) -> list[str]:
        return [str(letter.headers["reason"]) for letter in await self.take_all(self.names.dead_letters.name)]

    async def collect_events(self, pattern: str) -> list[EventEnvelope]:
        collected: list[EventEnvelope] = []

        async def collect(message: AbstractIncomingMessage) -> None:
            collected.append(as_envelope(message))

        queue = await self.channel.declare_queue(exclusive=True)
        await queue.bind(self.names.events.name, pattern)
        await queue.consume(collect, no_ack=True)
        return collected


def as_envelope(message: AbstractIncomingMessage) -> EventEnvelope:
    """As a consumer of another house would read CloudEvents in binary mode."""
    headers = {name.removeprefix("cloudEvents:"): str(value) for name, value in message.headers.items()}
    assert headers["specversion"] == "1.0"
    assert headers["time"] == NOON.isoformat().replace("+00:00", "Z")
    assert (message.content_type, message.message_id) == ("application/json", headers["id"])
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    return EventEnvelope(
        id=headers["id"],
        type=headers["type"],
        routing_key=message.routing_key or "",
        time=NOON,
        account_id=int(headers["accountid"]),
        subject=headers["subject"],
        data=message.body,
    )
