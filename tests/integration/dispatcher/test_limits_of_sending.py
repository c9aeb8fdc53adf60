"""Limits at the relay and at recipient domains, held over several dispatchers; nobody is lost for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from shared.runtime.settings import BadSettings
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, recorded, settled
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step

TO_GMAIL = "UPDATE subscriber SET email = replace(email, 'example.com', 'GMail.example') WHERE id % $1 = 0"


@asynccontextmanager
async def two_dispatchers(database: Database, port: int, folder: Path, **settings: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for name in ("one", "two"):
            await stack.enter_async_context(dispatching(database, port, folder / name, **settings))
        yield


class Watch:
    """What the relay saw at once, and when mail began."""

    def __init__(self) -> None:
        self.relay = FakeRelay(self)
        self.most_connections = 0
        self.begun: list[float] = []

    def __call__(self, step: Step) -> Action | None:
        self.most_connections = max(self.most_connections, len(self.relay.open_connections))
        if step.stage == "mail":
            self.begun.append(asyncio.get_running_loop().time())
        return After(0.002, Say(b"250 ok\r\n")) if step.stage == "dot" else None

    @property
    def seconds(self) -> float:
        return self.begun[-1] - self.begun[0]


async def test_two_dispatchers_together_never_have_more_connections_than_allowed(
    database: Database, tmp_path: Path
) -> None:
    """Each would take ten; the relay allows three."""
    await post_task(database, 1_000)
    watch = Watch()
    async with watch.relay as relay, two_dispatchers(database, relay.port, tmp_path, smtp_limits="connections=3"):
        sets = await settled(database, 1_000, seconds=60)

    assert sets[Kind.SUBMITTED] == BitMap(range(1_000))
    assert set(copies(watch.relay).values()) == {1}
    assert watch.most_connections == 3


async def test_two_dispatchers_together_keep_the_rate_of_the_relay(database: Database, tmp_path: Path) -> None:
    """20 a second: after the first second's worth, 40 messages more take two seconds at least."""
    await post_task(database, 60)
    watch = Watch()
    async with watch.relay as relay, two_dispatchers(database, relay.port, tmp_path, smtp_limits="rate=20"):
        await settled(database, 60, seconds=60)

    assert set(copies(watch.relay).values()) == {1}
    assert watch.seconds >= 1.5


async def test_a_domain_with_a_rate_holds_up_nobody_else(database: Database, tmp_path: Path) -> None:
    """Those of the limited domain wait in their batches, spend no attempt, and all get their message in the end."""
    await post_task(database, 200)
    await database.execute(TO_GMAIL, 10)
    limited = BitMap(range(0, 200, 10))
    async with (
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path, domain_limits="gmail.example,googlemail.example rate=5"),
    ):
        async with asyncio.timeout(30):
            while len((await recorded(database)).get(Kind.SUBMITTED, BitMap()) - limited) < 180:
                await asyncio.sleep(0.01)
        others_done = (await recorded(database))[Kind.SUBMITTED]
        sets = await settled(database, 200, seconds=60)

    assert len(others_done & limited) < len(limited)
    assert sets[Kind.SUBMITTED] == BitMap(range(200))
    assert set(copies(relay).values()) == {1}
    assert await database.fetch_value("SELECT max(attempt) FROM batch") == 1


async def test_a_domain_is_written_to_over_as_many_connections_as_it_allows(database: Database, tmp_path: Path) -> None:
    """Each reply to a dot takes a while, so that two connections would be seen at once."""
    await post_task(database, 120)
    await database.execute(TO_GMAIL, 2)
    at_once: set[int] = set()
    most = 0

    def script(step: Step) -> Action | None:
        nonlocal most
        if step.stage == "rcpt" and b"gmail" in step.argument.lower():
            at_once.add(step.connection)
            most = max(most, len(at_once))
        if step.stage == "dot":
            at_once.discard(step.connection)
            return After(0.005, Say(b"250 ok\r\n"))
        return None

    async with (
        FakeRelay(script, extensions=("ENHANCEDSTATUSCODES",)) as relay,
        two_dispatchers(database, relay.port, tmp_path, domain_limits="gmail.example connections=2"),
    ):
        sets = await settled(database, 120, seconds=60)

    assert sets[Kind.SUBMITTED] == BitMap(range(120))
    assert set(copies(relay).values()) == {1}
    assert 1 <= most <= 2


async def test_a_connection_takes_as_many_messages_as_the_relay_allows(database: Database, tmp_path: Path) -> None:
    await post_task(database, 100)
    async with (
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path, smtp_limits="messages_per_connection=7", smtp_connections="1"),
    ):
        await settled(database, 100)

    taken = [entry.connection for entry in relay.ledger]
    assert max(taken.count(connection) for connection in set(taken)) == 7
    assert set(copies(relay).values()) == {1}


async def test_limits_that_cannot_be_read_are_named_at_the_start(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as refused:
        async with dispatching(database, 1, tmp_path, smtp_limits="connections=none", domain_limits="a@b rate=1"):
            pass

    assert refused.value.faults == [
        "POSTROOM_SMTP_LIMITS: connections=none: not a number",
        "POSTROOM_DOMAIN_LIMITS: 'a@b' is no domain",
    ]
