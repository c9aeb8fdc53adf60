"""What every test of the tracker needs: a database of its own, the store and the log on it."""

from collections.abc import AsyncIterator

import pytest

from shared.delivery_log.append import DeliveryLog
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connected = await Database.connect(database_url)
    yield connected
    await connected.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database)


@pytest.fixture
def delivery_log(database: Database) -> DeliveryLog:
    return DeliveryLog(database)
