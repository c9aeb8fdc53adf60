"""The tail misses nothing while many write at once, and the same storm shows why the position alone would not do."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from shared.domain.message import MessageEdited
from shared.event_store.interface import Actor, Append, EventStore, StreamAppend, TailPosition
from shared.event_store.on_postgres import PostgresEventStore, append_in
from shared.postgres.database import Connection, Database
from tests.contract.event_store_contract import tail
from tests.faults.measured import Measured

WRITERS = 24
TRANSACTIONS = 36  #: of each writer; about one in ten is rolled back
EVENTS = 140  #: in each, appended in two statements
LONGEST_PAUSE = 0.03  #: seconds between taking the positions and the commit
PAGE = 2000

#: Stream and version, and where the event stands.
Seen = tuple[tuple[str, int], TailPosition]


class RolledBack(Exception):
    """On purpose."""


@dataclass
class Storm:
    """Concurrent writers on connections of their own, and what they committed."""

    database: Database
    chance: random.Random
    transactions: int = TRANSACTIONS
    committed: set[tuple[str, int]] = field(default_factory=set)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, writer: int) -> None:
        await self.held.wait()
        for number in range(self.transactions):
            stream = f"writer{writer}-{number}"
            try:
                async with self.database.transaction() as connection:
                    await append_two_halves(connection, stream, self._pause)
                    if self.chance.random() < 0.1:
                        raise RolledBack
            except RolledBack:
                continue
            self.committed |= {(stream, version + 1) for version in range(EVENTS)}

    async def hold_open(self, until: Awaitable[None]) -> None:
        """Takes its positions before anybody else and commits when all others are long past them."""
        async with self.database.transaction() as connection:
            await append_two_halves(connection, "held-1", lambda: asyncio.sleep(0))
            self.held.set()
            await until
        self.committed |= {("held-1", version + 1) for version in range(EVENTS)}

    async def _pause(self) -> None:
        await asyncio.sleep(self.chance.random() * LONGEST_PAUSE)


async def append_two_halves(connection: Connection, stream: str, pause: Callable[[], Awaitable[None]]) -> None:
    half = EVENTS // 2
    events = [MessageEdited("a", {}, ())] * half
    await append_in(connection, [Append((StreamAppend(stream, 0, events, Actor(1)),))])
    await pause()
    await append_in(connection, [Append((StreamAppend(stream, half, events, Actor(1)),))])
    await pause()


class Tail:
    """Reads on until told that nothing more will come, and then to the end."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.ended = asyncio.Event()

    @property
    def at(self) -> TailPosition:
        return self.seen[-1][1] if self.seen else TailPosition()

    async def follow(self, read: Callable[[TailPosition], Awaitable[list[Seen]]]) -> None:
        while True:
            last_round = self.ended.is_set()
            while page := await read(self.at):
                self.seen += page
            if last_round:
                return
            await asyncio.sleep(0.002)


async def open_no_longer(database: Database) -> None:
    """Until every transaction of now, whoever has it, has ended: one would hold the reader back."""
    last = await database.fetch_value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    async with asyncio.timeout(60):
        while last > await database.fetch_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"):
            await asyncio.sleep(0.01)


async def read_tail(store: EventStore, at: TailPosition) -> list[Seen]:
    return [((event.stream, event.version), event.at) for event in await store.read_after(at, PAGE)]


async def read_by_position(database: Database, at: TailPosition) -> list[Seen]:
    """The obvious way, as a warning."""
    rows = await database.fetch(
        "SELECT stream, version, position FROM event WHERE position > $1 ORDER BY position LIMIT $2", at.position, PAGE
    )
    return [((row["stream"], row["version"]), TailPosition(0, 0, row["position"])) for row in rows]


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F12",
    "24 writers who pause and roll back between taking their positions and the commit",
    expects="the tail misses no event, repeats none, and has them in order",
)
async def test_no_event_is_missed_among_24_concurrent_writers_but_by_a_tail_of_positions(
    database_url: str, dice: random.Random, rounds: int, measured: Measured
) -> None:
    writers = await Database.connect(database_url, connections=WRITERS + 1)
    readers = await Database.connect(database_url, connections=2)
    storm, right, wrong = Storm(writers, dice, TRANSACTIONS * rounds), Tail(), Tail()
    store = PostgresEventStore(readers)

    async def others_are_past() -> None:
        async with asyncio.timeout(60):
            while wrong.at.position <= EVENTS:
                await asyncio.sleep(0.002)

    async def write_all() -> None:
        async with asyncio.TaskGroup() as writing:
            writing.create_task(storm.hold_open(others_are_past()))
            for writer in range(WRITERS):
                writing.create_task(storm.write(writer))
        wrong.ended.set()
        await open_no_longer(writers)
        right.ended.set()

    async with asyncio.TaskGroup() as work:
        work.create_task(right.follow(lambda at: read_tail(store, at)))
        work.create_task(wrong.follow(lambda at: read_by_position(readers, at)))
        work.create_task(write_all())
    await writers.close()
    await readers.close()

    lost = len(storm.committed - {event for event, _ in right.seen})
    measured.add(
        rounds=rounds, appended=len(storm.committed), lost=lost, repeated=len(right.seen) - len(storm.committed)
    )
    assert len(storm.committed) >= 100_000
    assert {event for event, _ in right.seen} == storm.committed, "missed or made up"
    assert len(right.seen) == len(storm.committed), "repeated"
    assert all(before < after for (_, before), (_, after) in pairwise(right.seen)), "out of order"
    assert versions_rise(right.seen)
    missed = storm.committed - {event for event, _ in wrong.seen}
    assert missed >= {("held-1", version + 1) for version in range(EVENTS)}


def versions_rise(seen: list[Seen]) -> bool:
    """Whether every stream was seen from version 1 without a gap."""
    last: dict[str, int] = {}
    for (stream, version), _ in seen:
        if version != last.get(stream, 0) + 1:
            return False
        last[stream] = version
    return True


async def test_what_commits_late_is_waited_for_and_then_read_in_its_place(database_url: str) -> None:
    """A reader stops below the oldest transaction still open, whatever has been committed above it."""
    database = await Database.connect(database_url, connections=3)
    store = PostgresEventStore(database)

    async with database.transaction() as late:
        await append_in(late, [Append((StreamAppend("late-1", 0, [MessageEdited("a", {}, ())], Actor(1)),))])
        await store.append(Append((StreamAppend("early-1", 0, [MessageEdited("b", {}, ())], Actor(1)),)))
        assert await store.read_after(TailPosition(), 10) == []

    assert [event.stream for event in await tail(store, 2)] == ["late-1", "early-1"]
    await database.close()
