"""``GET /store``: whether anything is sent, and why not; and cursors of a history that was lost."""

from services.api.resources.event.place import Place, write_place
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, Ready
from tests.integration.settled_commits import wait_for_settled_commits


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
    assert (await (await clients.make(user="bob")).get("/store")).status == 403


async def test_a_cursor_from_beyond_the_end_is_gone(client: Client, ready: Ready, database: Database) -> None:
    """A database that was brought back has lost what it stands behind; what comes next must not be passed over."""
    await client.post("/task", ready.task())
    await wait_for_settled_commits(database)
    xid = await database.fetch_value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    epoch = await database.fetch_value("SELECT store_epoch()")
    beyond = [
        await client.get(f"/events?after={write_place(place)}")
        for place in (Place(epoch, xid + 1000), Place(epoch + 1, 1))
    ]
    last = (await client.get("/events")).headers["X-Cursor"]

    assert [(each.status, each.faults) for each in beyond] == [(410, {"after"})] * 2
    assert (await client.get(f"/events?after={last}")).status == 200
