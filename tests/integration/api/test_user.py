"""Users: made and seen by those who run the account."""

import asyncio
from typing import Any

import pytest

from services.api.keys import create_key
from shared.domain.account import Role
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients, count_events


async def test_a_user_is_made_listed_and_found(client: Client) -> None:
    made = await client.post("/user", {"name": "Bob", "role": "member"})
    listed = await client.get("/user")

    assert made.status == 201
    assert made.json == {"id": made.json["id"], "name": "Bob", "role": "member", "cdate": made.json["cdate"]}
    assert made.headers["Location"] == f"/user/{made.json['id']}"
    assert (await client.get(made.headers["Location"])).json == made.json
    assert [(user["name"], user["role"]) for user in listed.json] == [("ann", "admin"), ("Bob", "member")]
    assert listed.json[1] == made.json
    assert (await client.get("/user/99")).status == 404


async def test_users_are_listed_by_pages(client: Client) -> None:
    for name in ("Bob", "Cid"):
        await client.post("/user", {"name": name, "role": "reader"})

    first = await client.get("/user?count=2")
    link = first.headers["Link"].partition(">")[0].removeprefix("<")
    second = await client.get(link)

    assert first.headers["X-Total-Count"] == second.headers["X-Total-Count"] == "3"
    assert [user["name"] for user in first.json + second.json] == ["ann", "Bob", "Cid"]
    assert "Link" not in second.headers


async def test_a_form_does_as_well(client: Client) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert (await client.post("/user", b"name=Bob&role=reader", headers=form)).json["role"] == "reader"


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"name", "role"}),
        ({"name": "", "role": "king"}, {"name", "role"}),
        ({"name": "a\nb", "role": None, "key": "x"}, {"name", "role", "key"}),
    ],
)
async def test_every_fault_is_named(client: Client, database: Database, body: Any, faults: set[str]) -> None:
    before = await count_events(database)
    reply = await client.post("/user", body)

    assert (reply.status, reply.faults) == (400, faults)
    assert await count_events(database) == before


@pytest.mark.parametrize("role", ["member", "reader"])
async def test_nobody_else_sees_or_makes_users(clients: Clients, database: Database, role: Role) -> None:
    other = await clients.make(user="otto", role=role)
    before = await count_events(database)

    assert (await other.get("/user")).status == 403
    assert (await other.get("/user/1")).status == 403
    assert (await other.post("/user", {"name": "Bob", "role": "reader"})).status == 403
    assert await count_events(database) == before


async def test_only_an_operator_makes_an_operator(client: Client, clients: Clients, database: Database) -> None:
    operator = await clients.make(user="olga", role="operator")
    before = await count_events(database)
    refused = await client.post("/user", {"name": "Bob", "role": "operator"})

    assert (refused.status, refused.faults) == (403, {"role"})
    assert await count_events(database) == before
    assert (await operator.post("/user", {"name": "Bob", "role": "operator"})).status == 201


async def test_users_of_another_account_are_not_there(client: Client, clients: Clients) -> None:
    other = await clients.make(account="other", user="otto", role="operator")
    bob = (await client.post("/user", {"name": "Bob", "role": "reader"})).json["id"]

    assert (await other.get(f"/user/{bob}")).status == 404
    assert [user["name"] for user in (await other.get("/user")).json] == ["otto"]
    assert (await other.get("/user")).headers["X-Total-Count"] == "1"
    assert (await other.post("/user", {"name": "Bob", "role": "reader"})).status == 201


async def test_a_name_is_one_users(client: Client, database: Database) -> None:
    """Whether those who want it come one after the other or at once."""
    replies = await asyncio.gather(*(client.post("/user", {"name": "Bob", "role": "reader"}) for _ in range(8)))
    late = await client.post("/user", {"name": "Bob", "role": "member"})

    assert sorted(reply.status for reply in replies) == [201] + [409] * 7
    assert late.status == 409
    assert await database.fetch_value("SELECT count(*) FROM account_user WHERE name = 'Bob'") == 1


async def test_a_repeat_makes_nobody_twice(client: Client, database: Database) -> None:
    again = {"Idempotency-Key": "bob"}
    first = await client.post("/user", {"name": "Bob", "role": "reader"}, headers=again)
    events = await count_events(database)
    second = await client.post("/user", {"name": "Bob", "role": "reader"}, headers=again)

    assert (second.status, second.data) == (first.status, first.data)
    assert await count_events(database) == events
    assert (await client.post("/user", {"name": "Bo", "role": "reader"}, headers=again)).status == 409


async def test_the_command_line_finds_a_user_made_here_and_his_secrets(
    client: Client, database: Database, store: PostgresEventStore, settings: Settings
) -> None:
    bob = (await client.post("/user", {"name": "Bob", "role": "member"})).json["id"]
    made = await create_key(database, store, settings.secret, "acme", "Bob", "member", "laptop")

    assert not isinstance(made, Refused)
    assert made["user_id"] == made["signupto"]["uid"] == bob
    assert len(made["signupto"]["key"]) == 32
