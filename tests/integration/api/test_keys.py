"""Who may ask, and with what."""

import base64

import pytest

from services.api.keys import create_key
from shared.domain.refusal import Refused
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import EMAIL_MESSAGE, Client, Clients, count_events

SECRETS = (b"s" * 32,)


async def test_a_key_opens_by_bearer_and_by_basic(client: Client, clients: Clients) -> None:
    basic = base64.b64encode(f"anything:{client.key}".encode()).decode()

    assert (await client.get("/list")).status == 200
    assert (await clients.without_key().get("/list", headers={"Authorization": f"Basic {basic}"})).status == 200


@pytest.mark.parametrize("change", ["none", "prefix", "rest", "garbage"])
async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(
    client: Client, clients: Clients, change: str
) -> None:
    assert client.key is not None
    wrong = {
        "none": "",
        "prefix": "pr_aaaaaaaa_" + client.key[12:],
        "rest": client.key[:-1] + ("A" if client.key[-1] != "A" else "B"),
        "garbage": "pr_é",
    }[change]
    other = Client(client.url, client.session, None)
    reply = await other.get("/list", headers={"Authorization": f"Bearer {wrong}"} if wrong else {})

    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert reply.json["detail"] == "a valid key is needed"


async def test_a_reader_reads_and_no_more(clients: Clients, database: Database) -> None:
    reader = await clients.make(user="rita", role="reader")
    before = await count_events(database)

    assert (await reader.get("/list")).status == 200
    assert (await reader.send("HEAD", "/task")).status == 200
    assert (await reader.post("/list", {"name": "x"})).status == 403
    assert (await reader.put("/task/1", {"name": "x"})).status == 403
    assert await count_events(database) == before


async def test_no_key_is_stored_and_the_events_hold_no_secret(client: Client, database: Database) -> None:
    assert client.created is not None
    tables = ("event", "api_key", "account", "account_user")
    rows = [await database.fetch(f"SELECT to_jsonb({table})::text AS row FROM {table}") for table in tables]
    stored = " ".join(row["row"] for found in rows for row in found)
    secrets = [client.created["key"], client.created["sailthru_secret"], client.created["signupto"]["key"]]

    assert all(secret not in stored for secret in secrets)


async def test_a_second_key_finds_the_same_account_user_and_secrets(
    database: Database, store: PostgresEventStore
) -> None:
    first = await create_key(database, store, SECRETS, "acme", "ann", "admin", "one")
    second = await create_key(database, store, SECRETS, "acme", "ann", "admin", "two")

    assert not isinstance(first, Refused)
    assert not isinstance(second, Refused)
    assert first["key"] != second["key"]
    assert {**first, "key": ""} == {**second, "key": ""}


async def test_a_second_user_shares_the_secrets_of_the_account_alone(
    database: Database, store: PostgresEventStore
) -> None:
    ann = await create_key(database, store, SECRETS, "acme", "ann", "admin", "one")
    bob = await create_key(database, store, SECRETS, "acme", "bob", "member", "one")

    assert not isinstance(ann, Refused)
    assert not isinstance(bob, Refused)
    assert ann["webhook_secret"] == bob["webhook_secret"]
    assert ann["signupto"]["key"] != bob["signupto"]["key"]


async def test_a_user_keeps_his_role(database: Database, store: PostgresEventStore) -> None:
    await create_key(database, store, SECRETS, "acme", "ann", "reader", "one")
    before = await count_events(database)

    assert isinstance(await create_key(database, store, SECRETS, "acme", "ann", "admin", "two"), Refused)
    assert isinstance(await create_key(database, store, SECRETS, "", "ann", "admin", "x\n"), Refused)
    assert await count_events(database) == before


async def test_objects_of_another_account_are_not_there(client: Client, clients: Clients, ready_task: int) -> None:
    other = await clients.make(account="other", user="otto", role="operator")

    for path in ("/list/1", "/list/1/subscriber", "/list/1/subscriber/1", "/message/1", f"/task/{ready_task}"):
        assert (await client.get(path)).status == 200
        assert (await other.get(path)).status == 404
    for path in ("contact", "report", "history"):
        assert (await other.get(f"/task/{ready_task}/{path}")).status == 404
    assert (await other.put(f"/task/{ready_task}", {"cancelled": True})).status == 404
    assert (await other.put("/message/1", {"name": "x"})).status == 404
    assert (await other.post("/list/1/subscriber", {"email": "a@x.org"})).status == 404
    assert (
        (await other.get("/task")).json == (await other.get("/list")).json == (await other.get("/message")).json == []
    )
    assert (await other.get("/subscriber?email=p1@example.com")).json == []


async def test_a_member_sees_the_tasks_of_his_messages_alone(client: Client, clients: Clients, ready_task: int) -> None:
    member = await clients.make(user="mia", role="member")
    own = (await member.post("/message", EMAIL_MESSAGE)).json["id"]
    task = {"channel": "email", "list_id": 1, "name": "Own", "scheduledtime": 4_000_000_000}
    sent = await member.post("/task", {**task, "message_id": own})

    assert sent.status == 201
    assert [found["id"] for found in (await member.get("/task")).json] == [sent.json["id"]]
    assert (await member.get("/task")).headers["X-Total-Count"] == "1"
    assert (await member.get(f"/task/{ready_task}")).status == 404
    assert (await member.put(f"/task/{ready_task}", {"cancelled": True})).status == 404
    assert (await member.get("/message/1")).status == 404
    assert (await member.post("/task", {**task, "message_id": 1})).faults == {"message_id"}
    assert len((await client.get("/task")).json) == 2
