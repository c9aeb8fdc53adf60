"""A database for the services together."""

from collections.abc import AsyncIterator

import pytest

from shared.bus.in_process import InProcess
from shared.postgres.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    """With the rights of who migrates."""
    database = await Database.connect(database_url, role=None, connections=1)
    yield database
    await database.close()


@pytest.fixture
async def bus() -> AsyncIterator[InProcess]:
    bus = InProcess()
    yield bus
    await bus.close()
