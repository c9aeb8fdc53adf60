"""What every test of the tracker needs: a database of its own, the store and the log on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.delivery_log.append import DeliveryLog
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.tracker.readers import Reader, reading


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url)
    yield connected
    await connected.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """May do what no service may."""
    owner = await Database.connect(database_url, role=None, connections=1)
    yield owner
    await owner.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database)


@pytest.fixture
def delivery_log(database: Database) -> DeliveryLog:
    return DeliveryLog(database)


@pytest.fixture
async def reader(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Reader]:
    async with reading(database, database_url, tmp_path) as reader:
        yield reader
