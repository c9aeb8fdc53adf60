"""A database, and what the dispatcher is made of, around it."""

from collections.abc import AsyncIterator

import pytest

from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
def handler(database: Database) -> Handler:
    return Handler(PostgresEventStore(database), clock.now)


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """With the rights of who migrates: may change what a service may not."""
    database = await Database.connect(database_url, role=None)
    yield database
    await database.close()
