"""The event store on Postgres keeps the promises of every event store, and some that only a database can."""

from collections.abc import AsyncIterator

import pytest

from shared.event_store.interface import Append, TailPosition
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, DatabaseError, UniqueViolation
from tests.contract.event_store_contract import EventStoreContract, list_row, names, tail, to


class PostgresRig:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = PostgresEventStore(database)

    async def list_names(self) -> list[str]:
        return [row["name"] for row in await self.database.fetch("SELECT name FROM list ORDER BY id")]


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[PostgresRig]:
    database = await Database.connect(database_url)
    yield PostgresRig(database)
    await database.close()


class TestOnPostgres(EventStoreContract):
    pass


async def test_a_row_whose_key_is_taken_takes_its_events_back_and_says_so(rig: PostgresRig) -> None:
    await rig.store.append(Append((to("list-1", 0, "a"),), (list_row(1, "friends"),)))

    with pytest.raises(UniqueViolation) as refused:
        await rig.store.append(Append((to("list-2", 0, "b"),), (list_row(2, "friends"),)))

    assert refused.value.constraint == "list_account_id_name_key"
    assert names(await rig.store.read_stream("list-1")) == ["a"]
    assert await rig.store.read_stream("list-2") == []


async def test_an_event_that_cannot_be_stored_is_its_writers_error_alone(rig: PostgresRig) -> None:
    """Postgres takes no null character in text: an error of the caller, not of the server."""
    with pytest.raises(DatabaseError) as refused:
        await rig.store.append(Append((to("task-1", 0, "a\0b"),)))

    assert type(refused.value) is DatabaseError
    assert await rig.store.read_stream("task-1") == []


@pytest.mark.parametrize("table", ["event", "segment", "segment_0", "message_version", "idempotency", "store"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {} WHERE {} = {}", "TRUNCATE {}"])
async def test_what_was_recorded_cannot_be_changed_or_removed(rig: PostgresRig, table: str, statement: str) -> None:
    """By permission: 42501 is insufficient privilege."""
    column = {"store": "store_epoch", "idempotency": "account_id", "message_version": "version"}.get(table, "xid")

    with pytest.raises(DatabaseError, match="42501"):
        await rig.database.execute(statement.format(table, column, column))


async def test_events_from_before_a_restore_are_read_first_and_in_full(rig: PostgresRig, database_url: str) -> None:
    """After a dump and restore transaction ids begin again, so the old ones may be higher than any to come."""
    await rig.store.append(Append((to("task-1", 0, "a", "b"),)))
    owner = await Database.connect(database_url, role=None, connections=1)
    await owner.execute("UPDATE event SET xid = '9000000000000000000'")
    assert await rig.store.read_after(TailPosition(), 10) == [], "of this epoch they would be in the future"

    await owner.execute("UPDATE store SET store_epoch = store_epoch + 1")
    await owner.close()
    await rig.store.append(Append((to("task-2", 0, "c"), to("task-1", 2, "d"))))

    assert names(await tail(rig.store, 4, page=1)) == ["a", "b", "d", "c"]
    assert names(await rig.store.read_stream("task-1")) == ["a", "b", "d"]
