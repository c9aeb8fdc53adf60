"""A whole API and dispatcher on one database, for all tests of a module; each test has an account of its own."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from services.api.app import start_api
from services.api.keys import create_key
from services.dispatcher.app import start_dispatcher
from shared.bus.in_process import InProcess
from shared.delivery_log.append import DeliveryLog
from shared.domain.account import Role
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings, read_settings
from tests.integration.api.conftest import SECRET, Client
from tests.integration.jobs.caller import Caller
from tests.servers import databases
from tests.sinks.fake_relay import FakeRelay

_ACCOUNTS = itertools.count(1)
_DATABASES = itertools.count(1)


@dataclass
class World:
    """What runs, and who may call it."""

    url: str
    database: Database
    store: PostgresEventStore
    settings: Settings
    session: aiohttp.ClientSession
    relay: FakeRelay

    async def caller(self, account: str | None = None, role: Role = "admin", user: str = "ann") -> Caller:
        """Of an account of its own, unless it is named."""
        name = account or f"account {next(_ACCOUNTS)}"
        created = await create_key(self.database, self.store, self.settings.secret, name, user, role, "test")
        assert not isinstance(created, Refused)
        native = Client(self.url, self.session, created["key"], created)
        return Caller(self.url, self.session, created["key"], created["sailthru_secret"], native, self.database)


@asynccontextmanager
async def running_world(database: Database, journal: Path, **given: str) -> AsyncIterator[World]:
    """``given``: further settings, by their names in lower case."""
    async with FakeRelay() as relay, aiohttp.ClientSession() as session:
        environment = {
            "POSTROOM_DATABASE_URL": "given",
            "POSTROOM_BUS_URL": "inprocess:",
            "POSTROOM_SECRET": SECRET,
            "POSTROOM_API_PORT": "0",
            "POSTROOM_SMTP_URL": f"smtp://127.0.0.1:{relay.port}?starttls=none",
            "POSTROOM_JOURNAL_DIR": str(journal),
            "POSTROOM_OBJECT_STORE_URL": f"file://{journal}/objects",
            "POSTROOM_METRICS_PORT": "0",
            "POSTROOM_DNS_CHECK": "off",
            "POSTROOM_SWEEP_SECONDS": "0.05",
            "POSTROOM_EGRESS_ALLOW": "127.0.0.0/8",
            "POSTROOM_CALLBACK_RETRY_SECONDS": "0.1,0.1,0.1",
            **{f"POSTROOM_{name.upper()}": value for name, value in given.items()},
        }
        settings = read_settings(environment, frozenset())
        bus, store = InProcess(), PostgresEventStore(database)
        api = await start_api(settings, database, store, bus)
        settings = replace(settings, api_url=api.url)
        dispatcher = await start_dispatcher(settings, database, store, DeliveryLog(database), bus)
        try:
            yield World(api.url, database, store, settings, session, relay)
        finally:
            await dispatcher.stop(5.0)
            await api.stop()
            await bus.close()


@pytest.fixture(scope="module")
async def world(
    postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    name = f"{template_database}_jobs_{next(_DATABASES)}"
    database = await Database.connect(await databases.create(postgres_url, name, template=template_database))
    try:
        async with running_world(database, tmp_path_factory.mktemp("journal")) as world:
            yield world
    finally:
        await database.close()
        await databases.drop(postgres_url, name)


@pytest.fixture
async def caller(world: World) -> Caller:
    return await world.caller()
