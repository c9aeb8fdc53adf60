"""Keys: told once, kept nowhere, revoked at once."""

import asyncio
from typing import Any

import pytest

from services.api.app import start_api
from services.api.authenticate import CACHE_SECONDS, Authenticator
from shared.bus.in_process import InProcess
from shared.domain.account import Role
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients, Reply, count_events

AGAIN = {"Idempotency-Key": "laptop"}
TABLES = """
SELECT relname AS name FROM pg_class
 WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
"""


async def make_user(client: Client, role: Role = "member") -> int:
    return int((await client.post("/user", {"name": f"a new {role}", "role": role})).json["id"])


async def make_key(client: Client, user_id: int, **options: Any) -> Reply:
    return await client.post("/key", {"user_id": user_id, "name": "laptop"}, **options)


def using(client: Client, made: Reply) -> Client:
    return Client(client.url, client.session, made.json["key"])


async def test_a_key_is_told_once_and_opens_as_its_user(client: Client) -> None:
    user_id = await make_user(client)
    made = await make_key(client, user_id)
    entry = {name: value for name, value in made.json.items() if name != "key"}

    assert made.status == 201
    assert made.headers["Location"] == f"/key/{made.json['id']}"
    assert made.json["key"].startswith(f"pr_{made.json['prefix']}_")
    assert (entry["user_id"], entry["name"], entry["revoked"]) == (user_id, "laptop", False)
    assert (await using(client, made).get("/list")).status == 200
    assert (await using(client, made).get("/key")).status == 403
    assert (await client.get("/key")).json[1:] == [entry]


async def test_a_user_may_have_several_keys_and_they_are_listed_by_pages(client: Client) -> None:
    user_id = await make_user(client)
    made = [(await make_key(client, user_id)).json["id"] for _ in range(2)]

    first = await client.get("/key?count=2")
    second = await client.get(first.headers["Link"].partition(">")[0].removeprefix("<"))

    assert first.headers["X-Total-Count"] == "3"
    assert [key["id"] for key in first.json + second.json][1:] == made
    assert "Link" not in second.headers


async def test_a_key_is_stored_nowhere(client: Client, database: Database) -> None:
    """What stands behind its prefix is in no row of any table, neither as text nor as bytes."""
    made = await make_key(client, await make_user(client), headers=AGAIN)
    rest = made.json["key"].removeprefix(f"pr_{made.json['prefix']}_")
    rows = [
        row["row"]
        for table in await database.fetch(TABLES)
        for row in await database.fetch(f"SELECT {table['name']}::text AS row FROM {table['name']}")
    ]

    assert any(made.json["prefix"] in row for row in rows)
    assert not [row for row in rows if rest in row or rest.encode().hex() in row]


async def test_a_repeat_is_answered_without_the_key(client: Client, database: Database) -> None:
    user_id = await make_user(client)
    first = await make_key(client, user_id, headers=AGAIN)
    events = await count_events(database)
    second = await make_key(client, user_id, headers=AGAIN)

    assert (second.status, second.headers["Location"]) == (201, first.headers["Location"])
    assert second.json == {**first.json, "key": None}
    assert await count_events(database) == events
    assert (await client.post("/key", {"user_id": user_id, "name": "phone"}, headers=AGAIN)).status == 409
    assert (await using(client, first).get("/list")).status == 200


async def test_a_revoked_key_is_refused_at_once_and_for_good(client: Client, database: Database) -> None:
    made = await make_key(client, await make_user(client))
    user = using(client, made)
    before = await user.get("/list")
    first = await client.send("DELETE", f"/key/{made.json['id']}")
    after = await user.get("/list")
    events = await count_events(database)
    second = await client.send("DELETE", f"/key/{made.json['id']}")

    assert (before.status, first.status, after.status) == (200, 200, 401)
    assert first.json == {name: value for name, value in made.json.items() if name != "key"} | {"revoked": True}
    assert (second.status, second.json) == (200, first.json)
    assert await count_events(database) == events
    assert (await client.get("/key")).json[1:] == [first.json]
    assert (await client.get("/list")).status == 200


async def test_a_key_can_revoke_itself(client: Client, database: Database) -> None:
    made = await make_key(client, await make_user(client, "admin"))
    own = using(client, made)

    assert (await own.send("DELETE", f"/key/{made.json['id']}")).status == 200
    assert (await own.get("/list")).status == 401


async def test_another_process_takes_a_revoked_key_no_longer_than_it_remembers(
    client: Client, database: Database
) -> None:
    made = await make_key(client, await make_user(client))
    now = [100.0]
    elsewhere = Authenticator(database, lambda: now[0])
    header = f"Bearer {made.json['key']}"

    assert await elsewhere.find_caller(header) is not None
    await client.send("DELETE", f"/key/{made.json['id']}")
    now[0] += CACHE_SECONDS

    assert CACHE_SECONDS <= 5
    assert await elsewhere.find_caller(header) is None


async def test_what_was_asked_before_a_key_was_revoked_is_not_remembered(client: Client, database: Database) -> None:
    made = await make_key(client, await make_user(client))
    authenticator = Authenticator(database, lambda: 100.0)
    header = f"Bearer {made.json['key']}"

    asking = asyncio.create_task(authenticator.find_caller(header))
    await asyncio.sleep(0)  # the question is on its way
    authenticator.forget(made.json["prefix"])
    assert await asking is not None
    await client.send("DELETE", f"/key/{made.json['id']}")

    assert await authenticator.find_caller(header) is None


async def test_a_key_made_in_one_process_is_revoked_in_another(
    client: Client, settings: Settings, database: Database, bus: InProcess
) -> None:
    second = await start_api(settings, database, PostgresEventStore(database), bus)
    try:
        there = Client(second.url, client.session, client.key)
        made = await make_key(client, await make_user(client))
        revoked = await there.send("DELETE", f"/key/{made.json['id']}")

        assert (revoked.status, revoked.json["revoked"]) == (200, True)
        assert (await Client(second.url, client.session, made.json["key"]).get("/list")).status == 401
    finally:
        await second.stop()


async def test_keys_and_users_of_another_account_are_not_there(
    client: Client, clients: Clients, database: Database
) -> None:
    other = await clients.make(account="other", user="otto", role="operator")
    user_id = await make_user(client)
    made = await make_key(client, user_id)
    before = await count_events(database)

    assert (await make_key(other, user_id)).status == 404
    assert (await other.send("DELETE", f"/key/{made.json['id']}")).status == 404
    assert len((await other.get("/key")).json) == 1
    assert (await other.get("/key")).headers["X-Total-Count"] == "1"
    assert (await client.send("DELETE", "/key/9999")).status == 404
    assert await count_events(database) == before
    assert (await using(client, made).get("/list")).status == 200


@pytest.mark.parametrize("role", ["member", "reader"])
async def test_nobody_else_sees_makes_or_revokes_keys(clients: Clients, database: Database, role: Role) -> None:
    other = await clients.make(user="otto", role=role)
    before = await count_events(database)

    assert (await other.get("/key")).status == 403
    assert (await make_key(other, 1)).status == 403
    assert (await other.send("DELETE", "/key/1")).status == 403
    assert await count_events(database) == before


async def test_an_admin_cannot_come_by_the_key_of_an_operator(
    client: Client, clients: Clients, database: Database
) -> None:
    """But he can revoke one that has got lost."""
    operator = await clients.make(user="olga", role="operator")
    assert operator.created is not None
    olga = operator.created["user_id"]
    before = await count_events(database)
    refused = await make_key(client, olga)

    assert (refused.status, refused.faults) == (403, {"user_id"})
    assert await count_events(database) == before
    made = await make_key(operator, olga)
    assert made.status == 201
    assert (await client.send("DELETE", f"/key/{made.json['id']}")).status == 200


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"user_id", "name"}),
        ({"user_id": True, "name": " ", "key": "mine"}, {"user_id", "name", "key"}),
        ({"user_id": 0, "name": "x" * 256}, {"user_id", "name"}),
    ],
)
async def test_every_fault_is_named(client: Client, database: Database, body: Any, faults: set[str]) -> None:
    before = await count_events(database)
    reply = await client.post("/key", body)

    assert (reply.status, reply.faults) == (400, faults)
    assert await count_events(database) == before
