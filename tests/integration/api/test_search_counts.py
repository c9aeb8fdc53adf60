"""Counts of searches, which may take long."""

import asyncio

from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, Ready
from tests.integration.api.test_search import search


async def test_counts_of_one_account_leave_the_others_a_connection(
    client: Client, clients: Clients, ready: Ready, database_url: str
) -> None:
    """More of them than there are connections, and none comes to its end for now."""
    asked = {"criteria": ["engagement_min"], "engagement": [0]}
    saved = (await client.post("/search", search(query=asked))).json["id"]
    task = {"channel": "email", "search_id": saved, "message_id": ready.message_id, "name": "t", "scheduledtime": 1}
    other = await clients.make(account="Other")
    owner = await Database.connect(database_url, role=None)
    try:
        async with owner.transaction() as connection:
            await connection.execute("LOCK TABLE engagement")
            counts = [asyncio.create_task(client.get(f"/search/{saved}/count")) for _ in range(10)]
            counts += [asyncio.create_task(client.post("/task", task)) for _ in range(10)]
            async with asyncio.timeout(20):
                while not await owner.fetch_value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.02)
                for _ in range(30):
                    assert (await other.get("/search")).status == 200
        replies = await asyncio.gather(*counts)
    finally:
        await owner.close()

    assert [reply.status for reply in replies] == [200] * 10 + [201] * 10
