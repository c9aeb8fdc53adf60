"""What the targets ask for, from where they have it."""

from collections.abc import AsyncIterator

import pytest

from shared.delivery_log.append import DeliveryLog
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.test_relay import bus
from tests.integration.tracker.test_callbacks import post
from tests.integration.tracker.test_completion import projector

__all__ = ["bus", "post", "projector"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url, connections=12)
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> PostgresEventStore:
    return PostgresEventStore(database)


@pytest.fixture
def delivery_log(database: Database) -> DeliveryLog:
    return DeliveryLog(database)


@pytest.fixture
def handler(database: Database) -> Handler:
    return Handler(PostgresEventStore(database), clock.now)
