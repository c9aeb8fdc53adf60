"""Postgres stopped, read-only and away: nothing that was accepted is lost, and all goes on by itself."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractIncomingMessage

from services.standalone.embedded_postgres import EmbeddedPostgres
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from tests.audience import post_task
from tests.faults.installation import Installation, account_for, installed
from tests.faults.measured import Measured
from tests.faults.persistent_caller import calling
from tests.faults.start_again import start_again
from tests.servers import databases
from tests.servers.backends import Server, made
from tests.servers.postgres import DURABLE, choose_postgres

RECIPIENTS = 6_000
CRASHES = 3


@pytest.fixture(scope="module")
async def postgres() -> AsyncIterator[Server]:
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
async def installation(
    postgres: Server, amqp_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One for all tests of this file: what a service does after one fault it does after the next."""
    url = await databases.create(postgres.url, "postroom")
    await migrate(url)
    async with installed(url, amqp_url, tmp_path_factory.mktemp("lost")) as installation:
        yield installation


async def stop_at_once(server: Server) -> None:
    """As `pg_ctl stop -m immediate` does: no checkpoint, no word to anybody."""
    pid = server.pid if isinstance(server, EmbeddedPostgres) else None
    if pid is None:
        return await asyncio.to_thread(server.kill)
    os.kill(pid, signal.SIGQUIT)
    async with asyncio.timeout(20):
        while _is_alive(server):
            await asyncio.sleep(0.005)
    return None


def _is_alive(server: Server) -> bool:
    return isinstance(server, EmbeddedPostgres) and server.pid is not None


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F8",
    "Postgres stopped at once (`-m immediate`) in mid-batch",
    expects="sends stop, then go on alone; no command and no recipient lost",
)
async def test_postgres_is_stopped_at_once(
    installation: Installation, postgres: Server, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """While a task is sent and lists are made: three times, at any moment."""
    size = RECIPIENTS * rounds
    await post_task(installation.database, size, number=8)
    async with calling(installation, "crash") as caller:
        for _ in range(CRASHES * rounds):
            await installation.sent(dice.randint(1, RECIPIENTS // CRASHES // 3))
            await asyncio.sleep(dice.uniform(0, 0.02))
            await stop_at_once(postgres)
            measured.add(stops=1, sends_stop_seconds=await installation.quiet())
            await start_again(postgres)
            back = time.monotonic()
            await installation.sent(1)
            measured.add(sends_again_seconds=time.monotonic() - back)
            await caller.accepted()
            measured.add(api_again_seconds=time.monotonic() - back)
    await installation.completed(8)

    await account_for(installation, 8, size, measured)
    await caller.account_for(measured)
    measured.add(rounds=rounds)
    assert set(caller.answers) <= {0, 201, 503}, caller.answers


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F9",
    "Postgres read-only (25006), then writable; connections kept",
    expects="503 and no sends meanwhile; the pools leave the old connections by themselves",
)
async def test_postgres_turns_read_only_and_back(
    installation: Installation, postgres: Server, rounds: int, measured: Measured
) -> None:
    size = RECIPIENTS // 2 * rounds
    switch = await asyncpg.connect(postgres.url)
    await post_task(installation.database, size, number=9)
    async with calling(installation, "read-only") as caller:
        for _ in range(rounds):
            await installation.sent(RECIPIENTS // 6)
            await set_read_only(switch, "on")
            stopped = await installation.quiet()
            refused = caller.answers[503]
            async with asyncio.timeout(60):
                while caller.answers[503] < refused + 3:
                    await asyncio.sleep(0.01)
            await set_read_only(switch, "off")
            back = time.monotonic()
            await caller.accepted()
            await installation.sent(1)
            measured.add(rounds=1, outages=1, sends_stop_seconds=stopped, stuck_seconds=time.monotonic() - back)
    await installation.completed(9)
    await switch.close()

    await account_for(installation, 9, size, measured)
    await caller.account_for(measured)
    assert set(caller.answers) <= {201, 503}, caller.answers


async def set_read_only(switch: "asyncpg.Connection[asyncpg.Record]", value: str) -> None:
    await switch.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    await switch.execute("SELECT pg_reload_conf()")


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F10",
    "Postgres away, then back",
    expects="the API answers 503 with Retry-After and never 2xx; what became due meanwhile is sent",
)
async def test_postgres_is_away_for_a_while(
    installation: Installation, postgres: Server, rounds: int, measured: Measured
) -> None:
    size, away = RECIPIENTS // 2, min(600.0, 3.0 * rounds)
    await post_task(installation.database, size, number=10, due_in=1.0)
    async with calling(installation, "away") as caller:
        await caller.accepted()
        await asyncio.to_thread(postgres.stop)
        made, taken, down = len(caller.made), installation.relay.taken.total(), time.monotonic()
        async with asyncio.timeout(away + 60):
            while caller.answers[503] < 3 or time.monotonic() < down + away:
                await asyncio.sleep(0.01)
        assert len(caller.made) == made, "something was accepted while there was nowhere to write it down"
        assert installation.relay.taken.total() == taken
        await start_again(postgres)
        back = time.monotonic()
        await caller.accepted()
        await installation.sent(1)
        measured.add(away_seconds=back - down, sends_again_seconds=time.monotonic() - back)
    await installation.completed(10)

    await account_for(installation, 10, size, measured)
    await caller.account_for(measured)
    measured.add(outages=1, accepted_while_away=0)
    assert set(caller.answers) <= {0, 201, 503}, caller.answers


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F11",
    "a write transaction stays open in another database of the cluster",
    expects="commands and sends go on; events wait, metrics tell how long, then all come in order",
)
async def test_somebody_elses_transaction_stays_open(
    installation: Installation, postgres: Server, amqp_url: str, rounds: int, measured: Measured
) -> None:
    size, held = RECIPIENTS // 4, min(60.0, 2.0 * rounds)
    holder = await asyncpg.connect(await databases.create(postgres.url, "another"))
    await holder.execute("CREATE TABLE note (text text)")
    async with told_on(amqp_url) as ids, calling(installation, "open") as caller:
        await caller.accepted()
        first = await installation.database.fetch_value("SELECT max(position) FROM event")
        async with holder.transaction():
            await holder.execute("INSERT INTO note VALUES ('begun')")
            await post_task(installation.database, size, number=11)
            await installation.sent(size)
            while (lag := await installation.metric("api", "postroom_relay_lag_seconds")) < held:
                await caller.accepted()
            stalled, waiting = len(ids), await installation.metric("api", "postroom_relay_lag_events")
            await caller.accepted()
            assert len(ids) == stalled
            assert not await installation.database.fetch_value("SELECT completed FROM task WHERE id = 11")
        over = time.monotonic()
        await installation.completed(11)
        last = await installation.database.fetch_value("SELECT max(position) FROM event")
        wanted = await published(installation.database, first, last)
        async with asyncio.timeout(60):
            while not set(wanted) <= set(ids):
                await asyncio.sleep(0.02)
    await holder.close()
    measured.add(
        rounds=rounds, outages=1, waited=int(waiting), lag_seconds=lag, caught_up_seconds=time.monotonic() - over
    )
    assert [each for each in ids if each in set(wanted)] == wanted, "out of order"
    await account_for(installation, 11, size, measured)
    await caller.account_for(measured)


@asynccontextmanager
async def told_on(amqp_url: str) -> AsyncIterator[list[str]]:
    """The ids of what the store's events are told by, as they come."""
    ids: list[str] = []

    async def hear(message: AbstractIncomingMessage) -> None:
        ids.append(message.message_id or "")

    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        for pattern in ("campaign.#", "task.#"):
            await queue.bind("postroom.events", pattern)
        await queue.consume(hear, no_ack=True)
        yield ids


async def published(database: Database, first: int, last: int) -> list[str]:
    """The ids of what happened to campaigns and tasks between these two, in the order of the store."""
    rows = await database.fetch(
        "SELECT store_epoch, position FROM event WHERE position BETWEEN $1 AND $2 "
        "AND split_part(type, '.', 1) IN ('campaign', 'task') ORDER BY store_epoch, xid, position",
        first,
        last,
    )
    return [f"{row['store_epoch']}-{row['position']}" for row in rows]
