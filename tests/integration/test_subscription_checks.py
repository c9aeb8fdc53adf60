"""A subscription is of a list and of a subscriber who are there, whoever writes it and whatever others do meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.postgres.database import Database, DatabaseError

_ADD = "INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) VALUES ($1, $2, true, now())"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Two lists, and two subscribers on the first."""
    database = await Database.connect(database_url, role=None)
    for number in (1, 2):
        await database.execute(
            "INSERT INTO list (id, account_id, name, version, cdate) VALUES ($1, 1, $2, 1, now())",
            number,
            f"list {number}",
        )
        await database.execute(
            "INSERT INTO subscriber (id, account_id, email, cdate) VALUES ($1, 1, $2, now())", number, f"p{number}@b.co"
        )
        await database.execute(_ADD, 1, number)
    yield database
    await database.close()


async def _subscriptions(database: Database) -> list[tuple[int, int]]:
    rows = await database.fetch("SELECT list_id, subscriber_id FROM subscription ORDER BY 1, 2")
    return [(row["list_id"], row["subscriber_id"]) for row in rows]


@pytest.mark.parametrize(("list_id", "subscriber_id"), [(3, 1), (1, 3), (3, 3)])
async def test_what_is_not_there_is_refused(database: Database, list_id: int, subscriber_id: int) -> None:
    with pytest.raises(DatabaseError, match="23503"):
        await database.execute(_ADD, list_id, subscriber_id)

    assert await _subscriptions(database) == [(1, 1), (1, 2)]


async def test_one_that_is_not_there_refuses_all(database: Database) -> None:
    with pytest.raises(DatabaseError, match="subscription_subscriber_id_fkey"):
        await database.execute(
            "INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) "
            "SELECT 2, id, true, now() FROM unnest($1::bigint[]) AS id",
            [1, 2, 9],
        )

    assert await _subscriptions(database) == [(1, 1), (1, 2)]


async def test_subscriptions_go_with_their_subscriber(database: Database) -> None:
    await database.execute("DELETE FROM subscriber WHERE id = 1")

    assert await _subscriptions(database) == [(1, 2)]


async def test_a_list_with_subscriptions_stays(database: Database) -> None:
    with pytest.raises(DatabaseError, match="23503"):
        await database.execute("DELETE FROM list WHERE id = 1")

    await database.execute("DELETE FROM list WHERE id = 2")


async def test_a_subscription_is_not_moved(database: Database) -> None:
    with pytest.raises(DatabaseError, match="23503"):
        await database.execute("UPDATE subscription SET list_id = 2 WHERE subscriber_id = 1")


@pytest.mark.parametrize("removal", ["DELETE FROM subscriber WHERE id = 1", "DELETE FROM list WHERE id = 2"])
async def test_whoever_removes_waits_for_who_adds(database: Database, removal: str) -> None:
    """And then sees what was added: no subscription is left of somebody who is gone."""
    async with database.transaction() as adding:
        await adding.execute(_ADD, 2, 1)
        removing = asyncio.create_task(database.execute(removal))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with asyncio.timeout(10):
            while not await database.fetch_value(waiting):
                await asyncio.sleep(0.01)

    if "list" in removal:
        with pytest.raises(DatabaseError, match="23503"):
            await removing
        assert await _subscriptions(database) == [(1, 1), (1, 2), (2, 1)]
    else:
        await removing
        assert await _subscriptions(database) == [(1, 2)]
