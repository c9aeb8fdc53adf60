"""A soak: faults of all kinds at random, every few seconds, under a steady load of tasks, readers and callbacks."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from pyroaring import BitMap

from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.postgres.database import Database, DatabaseError
from shared.postgres.migrate import migrate
from tests.campaigns import make_world
from tests.faults.auditing import audit, deliveries_of, received_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.installation import SERVICES, Installation, installed
from tests.faults.measured import Measured
from tests.faults.soak.harm import RELAY, Harm
from tests.faults.soak.load import PEOPLE, Load
from tests.faults.soak.taken_up import TakenUp
from tests.servers import databases
from tests.servers.backends import Server, made
from tests.servers.postgres import DURABLE, choose_postgres
from tests.servers.tcp_proxy import TcpProxy
from tests.sinks.receiver import Receiver

SHORT_SECONDS, LONG_SECONDS = 45, 120  #: of load and harm; the long form is so long for each round
SETTLED_SECONDS: Final = 180.0
MOST_MEGABYTES, MOST_DESCRIPTORS = 64, 64  #: by which a process may grow, however long it runs

_OPEN: Final = "SELECT count(*) FROM task WHERE NOT completed"
_STARTED: Final = "SELECT count(*) FROM task WHERE campaign_id IS NOT NULL"
_TOLD: Final = """
SELECT coalesce(sum(people), 0)::bigint
  FROM callback_window
 WHERE state = 'delivered' AND kind = ANY ($1::smallint[])"""


@asynccontextmanager
async def soaking(
    postgres: Server, bus_url: str, folder: Path, dice: random.Random
) -> AsyncIterator[tuple[Load, Harm]]:
    """Each service twice; between them and their servers is a line that may break."""
    url = await databases.create(postgres.url, "postroom")
    await migrate(url)
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(CountingRelay(seconds_each=0.002))
        receiver = await stack.enter_async_context(Receiver())
        ends = {"postgres": url, "bus": bus_url, RELAY: relay.url, "callbacks": receiver.url}
        lines = {name: await stack.enter_async_context(TcpProxy(end)) for name, end in ends.items()}
        places = {"POSTROOM_DATABASE_URL": "postgres", "POSTROOM_BUS_URL": "bus", "POSTROOM_SMTP_URL": RELAY}
        more = {variable: lines[name].url for variable, name in places.items()}
        changes = {name: more for service in SERVICES for name in (service, f"{service} 2")}
        installation = await stack.enter_async_context(installed(url, bus_url, folder, changes, relay))
        await all_ready(installation)
        await make_world(installation.database, PEOPLE)
        load = Load(installation, lines["callbacks"].url, receiver, random.Random(dice.random()))
        yield load, Harm(installation, postgres, lines, bus_url, random.Random(dice.random()))


async def all_ready(installation: Installation) -> None:
    async with asyncio.timeout(90):
        for service in installation.services.values():
            while b'"action": "ready"' not in service.log.read_bytes():
                assert service.process is not None
                assert service.process.poll() is None, f"{service.name} ended, see {service.log}"
                await asyncio.sleep(0.05)


async def soak(load: Load, harm: Harm, seconds: float) -> list[TakenUp]:
    """For so long; then whatever was asked for is answered, everybody is well again, and all comes to rest."""
    enough, spared = asyncio.Event(), list[TakenUp]()
    for name in SERVICES:
        process = load.installation.services[f"{name} 2"].process
        assert process is not None
        spared.append(TakenUp(process.pid))
    async with asyncio.TaskGroup() as group:
        for work in (harm.go_on, load.send, load.send, load.read, *(each.watch for each in spared)):
            group.create_task(work(enough))
        await asyncio.sleep(seconds)
        enough.set()
    harm.revive()
    return spared


async def settled(load: Load) -> None:
    """Everything is sent, counted and told."""
    kinds, people = [Kind.SUBMITTED, Kind.DELIVERED], 2 * PEOPLE * len(load.campaigns)
    database = load.installation.database
    async with asyncio.timeout(SETTLED_SECONDS):
        while (
            await asked(database, _OPEN) != 0
            or await asked(database, _STARTED) != len(load.campaigns)
            or await asked(database, _TOLD, kinds) != people
            or await unread(load)
        ):
            await asyncio.sleep(0.25)


async def asked(database: Database, statement: str, *args: object) -> int:
    """-1: it has not got over its server's death yet."""
    try:
        return int(await database.fetch_value(statement, *args))
    except DatabaseError:
        return -1


async def unread(load: Load) -> int:
    """How many of those who were answered are not counted; nobody is counted who has not asked."""
    missing = 0
    for (task, kind), answered in load.answered.items():
        counted = (await read_sets(load.installation.database, task, [kind])).get(kind, BitMap())
        missing += len(answered - counted)
        may = load.asked[task, kind] | (load.asked[task, Kind.CLICKED] if kind == Kind.OPENED else BitMap())
        assert counted <= may, f"task {task}: somebody is counted who never came"
    return missing


@pytest.mark.timeout(400)
@pytest.mark.fault(
    "F40",
    "a soak: kills, pauses, wrong clocks, cut lines, Postgres away or read-only, repeated hints; every few seconds",
    expects="nobody lost, who is doubled is listed, memory and descriptors level",
)
async def test_a_soak(amqp_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured) -> None:
    """Two of each service, one of them spared: of that it is measured what it takes up."""
    seconds = SHORT_SECONDS if rounds == 1 else LONG_SECONDS * rounds
    with made(choose_postgres(os.environ, DURABLE, ours=True)) as postgres:
        postgres.start()
        async with soaking(postgres, amqp_url, tmp_path, dice) as (load, harm):
            spared = await soak(load, harm, seconds)
            await settled(load)
            tell_growth(spared, measured)
            await account_for(load, harm, measured)
    measured.add(rounds=rounds, seconds=seconds)


def tell_growth(spared: list[TakenUp], measured: Measured) -> None:
    megabytes, descriptors = (max(each.growth(column) for each in spared) for column in (1, 2))
    measured.add(most_growth_mb=round(max(megabytes, 0)), most_growth_fds=round(max(descriptors, 0)))
    kilobytes, fds = max(each.slope(1) for each in spared) * 1024, max(each.slope(2) for each in spared) * 60
    measured.add(most_kb_a_minute=round(max(kilobytes, 0)), most_fds_an_hour=round(max(fds, 0)))
    assert megabytes < MOST_MEGABYTES
    assert descriptors < MOST_DESCRIPTORS


async def account_for(load: Load, harm: Harm, measured: Measured) -> None:
    """Nobody of any task is missing, whoever has a second copy is listed, and the auditor finds nothing."""
    installation, receiver = load.installation, load.receiver
    deliveries, listed, lost, doubled = deliveries_of(installation.relay), 0, 0, 0
    rows = await installation.database.fetch("SELECT id, campaign_id FROM task ORDER BY id")
    for task in (row["id"] for row in rows):
        sets = await read_sets(installation.database, task, Kind)
        doubt = sets.get(Kind.RESENT, BitMap()) | sets.get(Kind.HELD, BitMap())
        assert deliveries.twice[task] <= doubt, f"task {task}: somebody was doubled silently"
        assert not deliveries.thrice[task], f"task {task}: somebody has three copies"
        lost += PEOPLE - len(deliveries.once[task] | sets.get(Kind.HELD, BitMap()))
        doubled, listed = doubled + len(deliveries.twice[task]), listed + len(doubt)
    findings = await audit(installation.database, deliveries=deliveries, received=received_of(receiver))

    accepted = {*load.tasks} - {row["id"] for row in rows}, {*load.campaigns} - {row["campaign_id"] for row in rows}
    commands_lost = len(accepted[0]) + len(accepted[1])
    measured.add(faults=harm.done.total() - harm.done["revived"], sends=len(rows), commands_lost=commands_lost)
    measured.add(hits=sum(map(len, load.answered.values())), calls=len(receiver.requests))
    measured.add(lost=lost, doubled=doubled, listed=listed, most_copies=1 + bool(doubled))
    assert accepted == (set(), set())
    assert len(rows) == len(load.tasks) + len(load.campaigns), "something was made twice"
    assert not lost
    assert not findings, tell(findings)
    assert set(load.told) <= {0, 200, 201, *(409, 429, 503)}, load.told
