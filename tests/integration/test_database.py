"""What goes wrong with Postgres arrives in our words, and what is left of a connection is never used again."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.postgres.database import Database, DatabaseError, Unavailable, UniqueViolation
from shared.postgres.ids import Ids
from tests.servers.tcp_proxy import TcpProxy


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url, connections=2)
    yield database
    await database.close()


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    owner = await Database.connect(database_url, role=None, connections=2)
    yield owner
    await owner.close()


async def test_a_transaction_that_ends_well_is_kept_and_one_that_raises_is_not(database: Database) -> None:
    async def add(name: str, error: Exception | None = None) -> None:
        async with database.transaction() as connection:
            assert await connection.execute("INSERT INTO checkpoint (name) VALUES ($1)", name) == 1
            if error:
                raise error

    await add("kept")
    with pytest.raises(LookupError):
        await add("dropped", LookupError())

    assert [row["name"] for row in await database.fetch("SELECT name FROM checkpoint")] == ["kept"]


async def test_a_key_that_is_taken_is_named(database: Database) -> None:
    await database.execute("INSERT INTO checkpoint (name) VALUES ('a')")

    with pytest.raises(UniqueViolation) as refused:
        await database.execute("INSERT INTO checkpoint (name) VALUES ('a')")

    assert refused.value.constraint == "checkpoint_pkey"


@pytest.mark.parametrize(
    ("statement", "argument"),
    [
        pytest.param("SELECT $1::integer", 2**40, id="a number too great"),
        pytest.param("SELECT $1::text", "\udc80", id="half a character"),
        pytest.param("SELECT $1::text", "a\0b", id="a null character"),
        pytest.param("SELECT $1::jsonb", {"a": "\0"}, id="a null character in JSON"),
    ],
)
async def test_a_value_that_cannot_be_is_no_outage(database: Database, statement: str, argument: object) -> None:
    """Unavailable would tell the callers of a whole group to come again."""
    with pytest.raises(DatabaseError) as refused:
        await database.fetch(statement, argument)

    assert type(refused.value) is DatabaseError


async def test_a_connection_that_was_cut_is_an_outage_and_the_next_one_works(
    database: Database, owner: Database
) -> None:
    async def commit_into_the_void(*, ask_first: bool) -> None:
        async with database.transaction() as connection:
            pid = await connection.fetch_value("SELECT pg_backend_pid()")
            await owner.execute("SELECT pg_terminate_backend($1)", pid)
            if ask_first:
                await connection.fetch("SELECT 1")

    for ask_first in (True, False):
        with pytest.raises(Unavailable):
            await commit_into_the_void(ask_first=ask_first)
        assert await database.fetch_value("SELECT 1") == 1


async def test_a_server_that_has_gone_without_a_word_is_left_when_time_is_up(database_url: str) -> None:
    """It is not asked to roll back, for which it would be waited as long as for any statement."""
    async with TcpProxy(database_url) as proxy, asyncio.timeout(30):
        database = await Database.connect(proxy.url, connections=1, statement_seconds=300)

        async def ask() -> None:
            async with database.transaction() as connection:
                await connection.fetch("SELECT 1")
                proxy.half_open()
                await connection.fetch_slowly(0.2, "SELECT 1")

        with pytest.raises(Unavailable):
            await ask()
        assert await database.fetch_value("SELECT 1") == 1
        await database.close()


async def test_a_server_that_takes_no_writes_is_an_outage(database_url: str, owner: Database) -> None:
    """As after a failover to the other one."""
    name = await owner.fetch_value("SELECT quote_ident(current_database())")
    await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    with pytest.raises(Unavailable):
        await Database.connect(database_url)


async def test_nobody_listening_is_an_outage() -> None:
    with pytest.raises(Unavailable):
        await Database.connect("postgresql://nobody@127.0.0.1:9/none", connect_seconds=5)


async def test_a_session_that_idles_inside_a_transaction_is_ended(database_url: str, owner: Database) -> None:
    """It would hold back every reader of the cluster."""
    database = await Database.connect(database_url, connections=1, statement_seconds=0.2)

    async def freeze() -> None:
        async with database.transaction() as frozen:
            pid = await frozen.fetch_value("SELECT pg_backend_pid()")
            async with asyncio.timeout(10):
                while await owner.fetch("SELECT FROM pg_stat_activity WHERE pid = $1", pid):
                    await asyncio.sleep(0.02)

    with pytest.raises(Unavailable):
        await freeze()
    await database.close()


async def test_ids_are_drawn_in_blocks_and_each_once_in_rising_order(database: Database) -> None:
    ids = Ids(database, block=7)

    drawn = await asyncio.gather(*(ids.next("task_id") for _ in range(50)))
    taken = await ids.take("task_id", 10)

    assert drawn == sorted(set(drawn))
    assert not set(taken) & set(drawn)
    assert len(set(taken)) == 10
