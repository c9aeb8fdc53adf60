"""The bus on RabbitMQ, 3.10 to 4.x: this file and ``letters`` alone know the driver.

Publishers and listeners have lines of their own, as a broker short of memory stops reading from those who publish.
Whatever goes wrong (broker gone or wiped, consumer cancelled, channel closed, queue deleted, silence), the
connection is replaced and everything declared anew. Nothing waits for the broker without a limit.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from yarl import URL

from shared.bus.handling import run_guarded
from shared.bus.hint_codec import Unreadable, decode_hint, encode_hint
from shared.bus.interface import EventEnvelope, Hint, HintHandler, PublishFailed, Role
from shared.bus.letters import Letter, event_letter, letter_to, post
from shared.bus.line import Line, stray_cancellation_as_fault, told
from shared.bus.listening import TaskListener
from shared.bus.topology import Topology, topology
from shared.bus.watching import Look, Patience, has_stalled

log = structlog.get_logger(__name__)

FAULTS = (*CONNECTION_EXCEPTIONS, TimeoutError, asyncio.InvalidStateError)
MOST_UNCONFIRMED = 100
PREFETCH = 20  # with every handler at its limit still far below the broker's half hour for an acknowledgement
HEARTBEAT_SECONDS = 10
PARKED_BYTES = 4096  # of an unreadable body: enough to see what it was

Park = Callable[[bytes, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wire:
    connection: AbstractConnection
    channel: AbstractChannel

    async def blocked(self) -> bool:
        """Whether the broker has said that it takes nothing for now, being short of memory or disk."""
        if self.connection.transport is None:
            return False
        try:
            async with asyncio.timeout(0):  # the driver tells only those who wait for the opposite
                await self.connection.transport.ready()
        except TimeoutError:
            return True
        return False


class OnRabbitMQ:
    """Hints and events leave over lines of their own: a queue of somebody else's that takes events and has stopped
    working holds up the line it is reached by. A line is opened by the first that needs it.
    """

    def __init__(self, url: str, prefix: str = "", patience: Patience | None = None) -> None:
        self._url = url
        self._topology = topology(prefix)
        self._patience = patience or Patience()
        self._hints = Publisher(url, "hints", self._topology, self._patience)
        self._events = Publisher(url, "events", self._topology, self._patience)
        self._kept: dict[Line[Wire], asyncio.Task[None]] = {}
        self._closed = False

    async def hint(self, role: Role, hint: Hint) -> None:
        await self._send_hint(letter_to(self._topology.hints[role].name, encode_hint(hint)))

    async def publish(self, envelopes: Sequence[EventEnvelope]) -> None:
        for start in range(0, len(envelopes), MOST_UNCONFIRMED):
            hundred = envelopes[start : start + MOST_UNCONFIRMED]
            letters = [event_letter(self._topology.events.name, envelope) for envelope in hundred]
            self._open(self._events)
            await self._events.send(letters, self._patience.events)

    async def listen(self, role: Role, handler: HintHandler) -> TaskListener:
        self._refuse_if_closed()
        consumer = Consumer(self._url, self._topology, role, handler, park=self._park, patience=self._patience)
        return TaskListener(self._keep(consumer.line, consumer.run()))

    async def healthy(self) -> bool:
        if self._closed or any(line.away for line in self._kept):
            return False
        return not (await self._hints.blocked() or await self._events.blocked())

    async def close(self) -> None:
        self._closed = True
        running = list(self._kept.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise PublishFailed("the bus is closed")

    def _open(self, publisher: "Publisher") -> None:
        self._refuse_if_closed()
        if publisher.line not in self._kept:
            self._keep(publisher.line, publisher.line.keep())

    def _keep(self, line: Line[Wire], work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._kept[line] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._kept.pop(line))
        return task

    async def _send_hint(self, letter: Letter) -> None:
        self._open(self._hints)
        if self._hints.line.away:
            raise PublishFailed("the broker is away")
        await self._hints.send([letter], self._patience.hint)

    async def _park(self, body: bytes, reason: str) -> None:
        headers: dict[str, str | int] = {"reason": reason, "bytes": len(body)}
        await self._send_hint(letter_to(self._topology.dead_letters.name, body[:PARKED_BYTES], headers))


class Publisher:
    """One line to publish on."""

    def __init__(self, url: str, purpose: str, topology: Topology, patience: Patience) -> None:
        connect = partial(_connect, url, f"postroom {purpose}", patience)
        self.line: Line[Wire] = Line(purpose, patience, connect, self._start, self._look)
        self._topology = topology
        self._wire: Wire | None = None

    async def blocked(self) -> bool:
        return self._wire is not None and await self._wire.blocked()

    async def send(self, letters: Sequence[Letter], seconds: float) -> None:
        """Raises PublishFailed unless the broker confirms every one within `seconds`."""
        try:
            with stray_cancellation_as_fault():
                async with asyncio.timeout(seconds):
                    await self._send_all(letters)
        except FAULTS as fault:
            raise PublishFailed(told(fault)) from fault

    async def _send_all(self, letters: Sequence[Letter]) -> None:
        await self.line.up.wait()
        wire = self._wire
        if wire is None or await wire.blocked():
            raise ConnectionError("the broker takes nothing for now")
        await post(await wire.channel.get_underlay_channel(), letters)

    async def _start(self, wire: Wire) -> None:
        await _declare(wire.channel, self._topology)
        self._wire = wire

    async def _look(self, wire: Wire) -> None:
        """Declaring what is there changes nothing, and brings back what somebody deleted."""
        if not await wire.blocked():
            await _declare(wire.channel, self._topology)


class Consumer:
    """One listener: takes a hint from the broker, acknowledges it, then runs the handler."""

    def __init__(
        self, url: str, topology: Topology, role: Role, handler: HintHandler, *, park: Park, patience: Patience
    ) -> None:
        connect = partial(_connect, url, f"postroom {role}", patience)
        self.line: Line[Wire] = Line(f"{role} listener", patience, connect, self._start, self._look)
        self._topology = topology
        self._queue = topology.hints[role].name
        self._handler = handler
        self._park = park
        self._patience = patience
        self._in_hand: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()  # never more than PREFETCH
        self._arrived = 0
        self._busy = False
        self._before = Look(0, 0, busy=False)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.line.keep())
            group.create_task(self._work())

    async def _start(self, wire: Wire) -> None:
        await _declare(wire.channel, self._topology)
        await wire.channel.set_qos(prefetch_count=PREFETCH, global_=False)
        queue = await wire.channel.get_queue(self._queue, ensure=False)
        await queue.consume(self._arrive)

    async def _look(self, wire: Wire) -> None:
        queue = await wire.channel.declare_queue(self._queue, passive=True)
        now = Look(queue.declaration_result.message_count or 0, self._arrived, self._busy)
        if has_stalled(self._before, now):
            raise ConnectionError(f"{now.waiting} hints wait and none comes")
        self._before = now

    async def _arrive(self, message: AbstractIncomingMessage) -> None:
        self._arrived += 1
        self._in_hand.put_nowait(message)

    async def _work(self) -> None:
        while True:
            message = await self._in_hand.get()
            self._busy = True
            hint = decode_hint(message.body)
            if isinstance(hint, Unreadable):
                await self._settle(self._set_aside(message, hint.reason))
            elif await self._settle(message.ack()):
                await run_guarded(self._handler, hint)
            self._busy = False

    async def _settle(self, answer: Awaitable[None]) -> bool:
        """False when the line has ended meanwhile: the broker gives the message out again."""
        try:
            with stray_cancellation_as_fault():
                async with asyncio.timeout(self._patience.step):
                    await answer
        except FAULTS:
            return False
        return True

    async def _set_aside(self, message: AbstractIncomingMessage, reason: str) -> None:
        log.warning("hint_parked", queue=self._queue, reason=reason)
        try:
            await self._park(message.body, reason)
        except PublishFailed:
            await message.reject(requeue=False)  # the broker buries it, with its own reason instead of ours
        else:
            await message.ack()


@contextlib.asynccontextmanager
async def _connect(url: str, purpose: str, patience: Patience, ended: asyncio.Event) -> AsyncIterator[Wire]:
    """Sets `ended` when the connection or the channel closes, or the broker cancels a consumer."""

    def end(*_: object) -> None:
        ended.set()

    async with asyncio.timeout(patience.step):
        connection = await aio_pika.connect(_with_heartbeat(url), client_properties={"connection_name": purpose})
    try:
        async with asyncio.timeout(patience.step):
            connection.close_callbacks.add(end)
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            channel.close_callbacks.add(end)
            (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(end)
        yield Wire(connection, channel)
    finally:
        with contextlib.suppress(*FAULTS), stray_cancellation_as_fault():
            async with asyncio.timeout(patience.step):
                await connection.close()


def _with_heartbeat(url: str) -> URL:
    parsed = URL(url)
    return parsed if "heartbeat" in parsed.query else parsed.update_query(heartbeat=HEARTBEAT_SECONDS)


async def _declare(channel: AbstractChannel, topology: Topology) -> None:
    for exchange in topology.exchanges:
        await channel.declare_exchange(exchange.name, exchange.kind, durable=True)
    queues = {
        queue.name: await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        for queue in topology.queues
    }
    for binding in topology.bindings:
        await queues[binding.queue].bind(binding.exchange, "", arguments=dict(binding.arguments))
