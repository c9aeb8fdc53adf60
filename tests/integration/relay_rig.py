"""Relays to start and kill, buses to listen to and to go wrong, and tasks to be told of."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.api.relay import Relay
from shared.bus.interface import EventEnvelope, EventPublisher, PublishFailed
from shared.domain.identifiers import Instant
from shared.domain.task import TaskCancelled
from shared.event_store.interface import Actor, Append, StreamAppend
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database

NOON = Instant(43_200.0)
LONG = 60.0  # seconds of lease


@dataclass
class Bus:
    """A bus and the ids of what came out of it for one who listens to all tasks."""

    publisher: EventPublisher
    heard: list[str] = field(default_factory=list)

    @property
    def first_heard(self) -> list[str]:
        """Without the repeats."""
        return list(dict.fromkeys(self.heard))


@dataclass
class Troubled:
    """Publishes only the first so many of a batch, then fails or hangs."""

    inner: EventPublisher
    batches: list[int] = field(default_factory=list)
    before_trouble: list[int | None] = field(default_factory=list)  #: of each batch to come; None: all, without trouble
    hangs: bool = False
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False

    async def publish(self, envelopes: Sequence[EventEnvelope]) -> None:
        self.batches.append(len(envelopes))
        reached = self.before_trouble.pop(0) if self.before_trouble else None
        await self.inner.publish(envelopes[:reached])
        if reached is None:
            return
        if not self.hangs:
            raise PublishFailed("not confirmed")
        self.hanging.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


class Running:
    """A relay at work in a task of its own."""

    def __init__(
        self, database: Database, publisher: EventPublisher, owner: int = 1, lease: float = LONG, sweep: float = 0.02
    ) -> None:
        store = PostgresEventStore(database)
        self.relay = Relay(store, database, publisher, owner, lease_seconds=lease, sweep_seconds=sweep)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.relay.run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self._task, 20)

    async def kill(self) -> None:
        """As a process that dies: nothing is given back."""
        self._task.cancel()
        await asyncio.wait({self._task})


async def append_tasks(store: PostgresEventStore, first: int, count: int) -> None:
    """One event each, several streams in a transaction."""
    events = [TaskCancelled(NOON)]
    await store.append(
        Append(tuple(StreamAppend(f"task-{n}", 0, events, Actor(7)) for n in range(first, first + count)))
    )


async def stored_ids(database: Database) -> list[str]:
    rows = await database.fetch(
        "SELECT store_epoch || '-' || position AS id FROM event WHERE type LIKE 'task.%' "
        "ORDER BY event.store_epoch, event.xid, event.position"
    )
    return [row["id"] for row in rows]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)
