"""A whole dispatcher in this process, against a relay; and what it left in the delivery log."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from pyroaring import BitMap

from services.dispatcher.app import RunningDispatcher, start_dispatcher
from shared.bus.in_process import InProcess
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import FINAL, Kind
from shared.domain.tokens import TokenKeys
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import read_settings
from tests.sinks.fake_relay import FakeRelay

SECRET_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYS = TokenKeys([bytes(range(32))])


@asynccontextmanager
async def dispatching(
    database: Database, port: int, journal: Path, **settings: str
) -> AsyncIterator[RunningDispatcher]:
    """``settings``: by their names in lower case."""
    environment = {
        "POSTROOM_DATABASE_URL": "given",
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=none",
        "POSTROOM_SECRET": SECRET_TEXT,
        "POSTROOM_JOURNAL_DIR": str(journal),
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_DNS_CHECK": "off",
        "POSTROOM_SWEEP_SECONDS": "0.05",
        "POSTROOM_TRACKER_URL": "http://track.example",
        **{f"POSTROOM_{name.upper()}": value for name, value in settings.items()},
    }
    bus = InProcess()
    store, delivery_log = PostgresEventStore(database), DeliveryLog(database)
    running = await start_dispatcher(read_settings(environment, frozenset()), database, store, delivery_log, bus)
    try:
        yield running
    finally:
        await running.stop(5.0)
        await bus.close()


async def recorded(database: Database, task_id: int = 1) -> dict[Kind, BitMap]:
    """Who is in the log, by kind: what the projector will make of it."""
    sets: dict[Kind, BitMap] = {}
    for row in await database.fetch("SELECT kind, ordinals FROM segment WHERE task_id = $1", task_id):
        sets[Kind(row["kind"])] = sets.get(Kind(row["kind"]), BitMap()) | BitMap.deserialize(row["ordinals"])
    return sets


async def settled(database: Database, recipients: int, task_id: int = 1, seconds: float = 20.0) -> dict[Kind, BitMap]:
    """Once everybody has a final state, and no batch is left."""
    async with asyncio.timeout(seconds):
        while True:
            sets = await recorded(database, task_id)
            final = BitMap().union(*(sets.get(kind, BitMap()) for kind in FINAL))
            left = await database.fetch_value("SELECT count(*) FROM batch WHERE task_id = $1 AND NOT done", task_id)
            if len(final) == recipients and not left:
                return sets
            await asyncio.sleep(0.02)


async def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def ordinal_of(message_id: str) -> int:
    token = KEYS.read_web(message_id.strip("<>").split("@")[0])
    assert token is not None
    return token.ordinal


def copies(relay: FakeRelay) -> Counter[int]:
    """How often the relay took the message of each ordinal."""
    return Counter(ordinal_of(taken.message_id) for taken in relay.ledger)


async def figure(running: RunningDispatcher, name: str) -> float:
    """What `/metrics` says, ``name`` with its labels; 0 where it says nothing."""
    host, port = running.probes.addresses[0][:2]
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next((float(line.split(" ")[1]) for line in lines if line.startswith(f"{name} ")), 0.0)
