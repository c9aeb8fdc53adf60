"""What every service stands on, laid once for a process: Postgres, the two logs, the bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.bus.interface import Bus
from shared.bus.opening import open_bus
from shared.delivery_log.append import DeliveryLog
from shared.event_store.interface import EventStore
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import BadSettings, Settings


@dataclass(frozen=True, slots=True)
class Foundation:
    settings: Settings
    database: Database
    store: EventStore
    delivery_log: DeliveryLog
    bus: Bus


@asynccontextmanager
async def lay_foundation(settings: Settings, *, at_once: bool = True) -> AsyncIterator[Foundation]:
    """Raises Unavailable when Postgres cannot be reached, BadSettings for a bus that there is not. Not ``at_once``: for
    who can do without Postgres until it is back.
    """
    try:
        bus = open_bus(settings.bus_url)
    except ValueError as error:
        raise BadSettings([f"POSTROOM_BUS_URL: {error}"]) from error
    try:
        async with open_database(settings, at_once=at_once) as database:
            yield Foundation(settings, database, PostgresEventStore(database), DeliveryLog(database), bus)
    finally:
        await bus.close()


@asynccontextmanager
async def open_database(settings: Settings, *, at_once: bool = True) -> AsyncIterator[Database]:
    """Raises Unavailable, if it is to be reached at once."""
    database = await Database.connect(
        settings.database_url,
        connections=settings.database_connections,
        at_once=at_once,
        pooled=settings.database_pooled,
    )
    try:
        yield database
    finally:
        await database.close()
