"""Who asks the same at once shares a look that began after he asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.api.look_together import LookTogether
from shared.postgres.database import Database, DatabaseError

#: Each look takes a number of its own; it begins with a lock, at which a test can hold it.
COUNTED = "SELECT nextval('task_id') AS number FROM pg_advisory_xact_lock_shared($1::bigint)"
LOCK = 77
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1::bigint"


@pytest.fixture(scope="module")
async def database(postgres_url: str, template_database: str) -> AsyncIterator[Database]:
    from tests.servers import databases

    name = "look_together"
    opened = await Database.connect(await databases.create(postgres_url, name, template=template_database))
    yield opened
    await opened.close()
    await databases.drop(postgres_url, name)


async def number(looks: LookTogether, lock: int = LOCK) -> int:
    [row] = await looks.fetch(COUNTED, lock)
    return int(row["number"])


async def until_one_waits(database: Database) -> None:
    async with asyncio.timeout(30):
        while not await database.fetch_value(WAITING, LOCK):
            await asyncio.sleep(0.005)


async def test_all_who_ask_at_once_are_told_by_one_look(database: Database) -> None:
    looks = LookTogether(database)

    told = await asyncio.gather(*(number(looks) for _ in range(50)))

    assert len(set(told)) == 1


async def test_another_question_has_a_look_of_its_own(database: Database) -> None:
    looks = LookTogether(database)

    told = await asyncio.gather(number(looks, 1), number(looks, 2))

    assert len(set(told)) == 2


async def test_who_asks_while_a_look_is_under_way_is_told_by_the_next(database: Database) -> None:
    """What was committed before somebody asked, he is told of: the look that had begun may not have seen it."""
    looks = LookTogether(database)
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1::bigint)", LOCK)
        first = asyncio.create_task(number(looks))
        await until_one_waits(database)
        others = asyncio.gather(*(number(looks) for _ in range(20)))
        await asyncio.sleep(0)

    assert len({await first, *(await others)}) == 2
    assert await first < (await others)[0]


async def test_an_error_is_told_to_all_and_the_next_look_is_anew(database: Database) -> None:
    looks = LookTogether(database)

    told = await asyncio.gather(*(looks.fetch("SELECT 1 / $1::int", 0) for _ in range(3)), return_exceptions=True)

    assert {type(each) for each in told} == {DatabaseError}
    [row] = await looks.fetch("SELECT 1 / $1::int", 1)
    assert row[0] == 1


async def test_who_leaves_takes_nothing_from_the_others(database: Database) -> None:
    looks = LookTogether(database)
    async with database.transaction() as connection:
        await connection.execute("SELECT pg_advisory_xact_lock($1::bigint)", LOCK)
        leaving, staying = (asyncio.create_task(number(looks)) for _ in range(2))
        await until_one_waits(database)
        leaving.cancel()
        await asyncio.wait([leaving])

    assert leaving.cancelled()
    assert await staying > 0
