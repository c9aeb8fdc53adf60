"""``GET /store``: whether anything is sent, and why not."""

from shared.postgres.database import Database
from tests.integration.api.conftest import Clients


async def test_the_store_says_whether_anything_is_sent(clients: Clients, database_url: str) -> None:
    """To operators. One that was restored says so, since when and what it has lost."""
    operator = await clients.make(role="operator")
    owner = await Database.connect(database_url, role=None)
    open_one = await operator.get("/store")
    await owner.execute(
        "UPDATE store SET held_since = to_timestamp(7), held_why = 'restored', lost_from = to_timestamp(5)"
    )
    await owner.close()
    held = await operator.get("/store")

    assert open_one.json == {"epoch": 1, "open": True, "held_since": None, "held_why": None, "lost_from": None}
    assert held.json == {"epoch": 1, "open": False, "held_since": 7, "held_why": "restored", "lost_from": 5}
    assert (await (await clients.make()).get("/store")).status == 403
