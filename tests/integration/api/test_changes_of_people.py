"""A PUT is the explicit word: it changes a person and lifts what a POST leaves alone. A DELETE takes him off a list."""

from typing import Any

import pytest

from services.api.resources.list.routes import TAKEN_OFF_AT_ONCE
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, Ready, count_events

ANN = {"email": "Ann@x.org", "telephone": "+447700900123", "external_id": "e1", "vars": {"a": 1, "b": 2}}


@pytest.fixture
async def path(client: Client) -> str:
    """Of Ann on a list."""
    await client.post("/list", {"name": "Everybody"})
    made = await client.post("/list/1/subscriber", ANN)
    return f"/list/1/subscriber/{made.json['id']}"


async def suppressions(client: Client) -> list[tuple[Any, ...]]:
    return [
        (each["channel"], each["reason"], each["list_id"], each["marketing_only"])
        for each in (await client.get("/suppression")).json
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"email": "b@y.org"}, {"email": "b@y.org", "telephone": "+447700900123"}),
        ({"email": "ANN@x.org"}, {"email": "Ann@x.org"}),
        ({"telephone": None}, {"telephone": None, "email": "Ann@x.org"}),
        ({"telephone": "+44 7700 900999"}, {"telephone": "+447700900999"}),
        ({"vars": {"b": 3, "c": [4]}}, {"vars": {"a": 1, "b": 3, "c": [4]}}),
        ({"vars": {"a": None}}, {"vars": {"b": 2}}),
        ({"external_id": "e2"}, {"external_id": "e2"}),
        ({"external_id": None}, {"external_id": None}),
        ({"optout": "blast"}, {"optout": "blast"}),
        ({}, {"email": "Ann@x.org", "vars": {"a": 1, "b": 2}}),
    ],
    ids=str,
)
async def test_what_is_given_changes_on_a_list_and_off_it(
    client: Client, path: str, given: dict[str, Any], told: dict[str, Any]
) -> None:
    before = (await client.get("/subscriber/1")).json
    on_list = await client.put(path, given)
    changed = (await client.get("/subscriber/1")).json
    await client.put("/subscriber/1", {**ANN, "vars": {"a": 1, "b": 2, "c": None}, "optout": "none"})
    assert (await client.get("/subscriber/1")).json == before
    alone = await client.put("/subscriber/1", given)

    assert (on_list.status, alone.status) == (200, 200)
    assert alone.json == {**before, **told} == changed
    assert {name: on_list.json[name] for name in alone.json} == alone.json


@pytest.mark.parametrize(
    ("given", "status", "fields"),
    [
        ({"email": None, "telephone": None}, 400, {"email"}),
        ({"email": "BOB@x.org"}, 409, {"email"}),
        ({"telephone": "+447700900555", "external_id": "b"}, 409, {"telephone"}),
        ({"external_id": "b"}, 409, {"external_id"}),
        ({"email": "no address", "optout": "some", "colour": "red"}, 400, {"email", "optout", "colour"}),
        ({"vars": [1]}, 400, {"vars"}),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else str(value),
)
async def test_a_change_that_cannot_be_changes_nothing(
    client: Client, path: str, database: Database, given: dict[str, Any], status: int, fields: set[str]
) -> None:
    bob = {"email": "bob@x.org", "telephone": "+447700900555", "external_id": "b"}
    await client.post("/list/1/subscriber", bob)
    before, events = (await client.get(path)).json, await count_events(database)

    for target in (path, "/subscriber/1"):
        refused = await client.put(target, given)
        assert (refused.status, refused.faults) == (status, fields)
    assert (await client.get(path)).json == before
    assert await count_events(database) == events


@pytest.mark.parametrize("lifting", [{"ended": None}, {"confirmed": True}], ids=str)
async def test_a_put_brings_back_whom_a_delete_took_off_and_says_who_did_it(
    client: Client, path: str, database: Database, lifting: dict[str, Any]
) -> None:
    deleted = await client.send("DELETE", path)
    assert (deleted.status, deleted.json["ended"] is None) == (200, False)
    assert {row[1:] for row in await suppressions(client)} == {("unsubscribed", 1, False)}
    assert (await client.get("/list/1")).json["subscription_count"] == 0
    posted = await client.post("/list/1/subscriber", {"email": "ann@x.org"})
    assert posted.json["ended"] is not None
    assert (await client.put(path, {"vars": {"a": 5}})).json["ended"] is not None

    back = await client.put(path, lifting)

    assert (back.status, back.json["ended"]) == (200, None)
    assert await suppressions(client) == []
    assert (await client.get("/list/1")).json["subscription_count"] == 1
    rows = await database.fetch("SELECT type, user_id FROM event ORDER BY position DESC LIMIT 2")
    assert [row["type"] for row in rows] == ["list.subscribers_changed", "list.suppressions_lifted"]
    assert {row["user_id"] for row in rows} == {client.created["user_id"] if client.created else 0}


async def test_another_list_another_reason_and_another_opt_out_stay(client: Client, path: str) -> None:
    await client.post("/list", {"name": "Second"})
    await client.post("/list/2/subscriber", ANN)
    await client.send("DELETE", "/list/2/subscriber/1")
    await client.post("/suppression", {"email": "ann@x.org", "reason": "complaint"})
    await client.put("/subscriber/1", {"optout": "all"})

    await client.put(path, {"ended": None})

    assert {row[:3] for row in await suppressions(client)} == {
        ("email", "unsubscribed", 2),
        ("sms", "unsubscribed", 2),
        ("email", "complaint", None),
        ("email", "opted_out", None),
        ("sms", "opted_out", None),
    }


async def test_an_opt_out_is_of_marketing_or_of_all_and_is_taken_back(client: Client, path: str) -> None:
    await client.put(path, {"optout": "blast"})
    assert await suppressions(client) == [("email", "opted_out", None, True), ("sms", "opted_out", None, True)]
    await client.put(path, {"optout": "all"})
    assert await suppressions(client) == [("email", "opted_out", None, False), ("sms", "opted_out", None, False)]
    await client.put("/subscriber/1", {"optout": "basic"})
    assert await suppressions(client) == [("email", "opted_out", None, True), ("sms", "opted_out", None, True)]
    assert (await client.post("/list/1/subscriber", [ANN])).json["skipped"] == 1

    assert (await client.put("/subscriber/1", {"optout": "none"})).json["optout"] == "none"
    assert await suppressions(client) == []


async def test_a_stop_by_sms_goes_when_all_is_permitted_and_not_before(client: Client, path: str) -> None:
    stop = {"telephone": "+447700900123", "reason": "opted_out", "source": "sms"}
    await client.post("/suppression", stop)
    await client.put("/subscriber/1", {"optout": "blast"})
    assert len(await suppressions(client)) == 2

    await client.put("/subscriber/1", {"optout": "none"})

    assert await suppressions(client) == []


async def test_what_is_held_against_an_address_applies_to_whoever_gets_it(client: Client, path: str) -> None:
    await client.post("/suppression", {"email": "new@x.org", "reason": "hard_bounce"})

    await client.put(path, {"email": "new@x.org"})

    assert [each["subscriber_id"] for each in (await client.get("/suppression")).json] == [1]


async def test_a_subscription_is_confirmed_once_and_tells_its_origin(client: Client, path: str) -> None:
    made = await client.post("/list/1/subscriber", {"email": "bob@x.org", "confirmed": False})
    bob = f"/list/1/subscriber/{made.json['id']}"
    consent = {"at": 1.5, "text": "yes"}
    changed = (await client.put(bob, {"confirmed": True, "source": "desk", "consent": consent})).json

    assert (changed["confirmed"], changed["source"], changed["consent"]["text"]) == (True, "desk", "yes")
    assert (await client.put(bob, {"confirmed": False})).status == 409
    assert (await client.put(bob, {"ended": 5})).faults == {"ended"}


async def test_nobody_changes_whom_he_cannot_see(client: Client, clients: Clients, path: str) -> None:
    """Of another account, not on the list, or with a key that only reads."""
    other = await clients.make(account="other", user="otto")
    reader = await clients.make(user="rita", role="reader")
    member = await clients.make(user="mia", role="member")
    await client.post("/list", {"name": "Second"})
    for method in ("PUT", "DELETE"):
        body: Any = {"vars": {}} if method == "PUT" else None
        for target in (path, "/subscriber/1"):
            assert (await other.send(method, target, body)).status == 404
            assert (await reader.send(method, target, body)).status == 403
        assert (await client.send(method, "/list/2/subscriber/1", body)).status == 404
    assert (await other.get("/subscriber/1")).status == 404
    assert (await member.send("DELETE", "/subscriber/1")).status == 403  # an admin's alone
    assert (await client.get("/subscriber/1")).json["vars"] == ANN["vars"]


async def test_the_addresses_are_looked_up(client: Client, path: str) -> None:
    for query in ("email=ANN%40x.org", "telephone=%2B447700900123"):
        assert [each["id"] for each in (await client.get(f"/subscriber?{query}")).json] == [1]


async def test_a_list_gets_another_name(client: Client, clients: Clients, path: str, database: Database) -> None:
    other = await clients.make(account="other", user="otto")
    await client.post("/list", {"name": "Second"})
    taken = await client.put("/list/2", {"name": "Everybody"})
    renamed = await client.put("/list/2", {"name": "Zweite"})
    events = await count_events(database)
    again = await client.put("/list/2", {"name": "Zweite"})

    assert (taken.status, taken.faults) == (409, {"name"})
    assert (renamed.json["name"], again.json) == ("Zweite", renamed.json)
    assert (await client.get("/list/2")).json == renamed.json
    assert await count_events(database) == events
    assert (await other.put("/list/2", {"name": "x"})).status == 404


async def test_a_list_is_removed_when_no_task_is_sent_to_it(client: Client, ready: Ready, clients: Clients) -> None:
    other = await clients.make(account="other", user="otto")
    task = (await client.post("/task", ready.task())).json["id"]
    waited_for = await client.send("DELETE", f"/list/{ready.list_id}")
    assert (waited_for.status, str(task) in waited_for.json["detail"]) == (409, True)
    assert (await client.get(f"/list/{ready.list_id}")).json["subscription_count"] == 3
    await client.put(f"/task/{task}", {"cancelled": True})
    assert (await other.send("DELETE", f"/list/{ready.list_id}")).status == 404

    removed = await client.send("DELETE", f"/list/{ready.list_id}")

    assert (removed.status, removed.json["name"]) == (200, "Everybody")
    assert (await client.get(f"/list/{ready.list_id}")).status == 404
    assert (await client.send("DELETE", f"/list/{ready.list_id}")).status == 404
    assert (await client.put(f"/list/{ready.list_id}", {"name": "x"})).status == 404
    assert (await client.post(f"/list/{ready.list_id}/subscriber", {"email": "a@x.org"})).status == 404
    assert (await client.get("/subscriber?email=p1%40example.com")).json[0]["id"]
    assert (await client.post("/list", {"name": "Everybody"})).status == 201
    assert (await client.get(f"/task/{task}")).json["list_id"] == ready.list_id


async def test_a_long_list_is_removed_chunk_by_chunk(client: Client, path: str, database: Database) -> None:
    """One more than two chunks, and another list is left alone."""
    await client.post("/list", {"name": "Second"})
    await client.post("/list/2/subscriber", ANN)
    await database.execute(
        """WITH added AS (INSERT INTO subscriber (id, account_id, email, cdate)
                          SELECT n, 1, n || '@x.org', now() FROM generate_series(1000, 1000 + $1 - 1) AS n RETURNING id)
           INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at)
           SELECT 1, id, true, now() FROM added""",
        2 * TAKEN_OFF_AT_ONCE,
    )
    assert (await client.send("DELETE", "/list/1")).status == 200

    assert await database.fetch_value("SELECT array_agg(list_id) FROM subscription") == [2]
    assert await database.fetch_value("SELECT count(*) FROM subscriber") == 2 * TAKEN_OFF_AT_ONCE + 1


async def test_a_list_that_a_search_is_sent_by_stays_until_the_end(
    client: Client, ready: Ready, database: Database
) -> None:
    """What the search reaches people by is told by the hold on the task."""
    await client.post("/search", {"name": "s", "query": {"source_list": "Everybody"}})
    task = (await client.post("/task", ready.task(list_id=None, search_id=1))).json["id"]
    await database.execute("UPDATE task SET started = true")
    await database.execute("INSERT INTO sending (shard, task_id, reached_lists) VALUES (0, $1, '{1}')", task)
    assert (await client.send("DELETE", "/list/1")).status == 409
    await database.execute("UPDATE task SET completed = true")

    assert (await client.send("DELETE", "/list/1")).status == 200


async def test_a_list_that_a_waiting_search_leaves_out_keeps_its_name(client: Client, ready: Ready) -> None:
    """Under another name nobody would be left out, and the wrong people be sent to."""
    await client.post("/list", {"name": "Staff"})
    await client.post("/search", {"name": "s", "query": {"criteria": ["list_member_not"], "value": ["Staff"]}})
    task = (await client.post("/task", ready.task(list_id=None, search_id=1))).json["id"]
    refused = [await client.put("/list/2", {"name": "Crew"}), await client.send("DELETE", "/list/2")]
    assert [reply.status for reply in refused] == [409, 409]
    assert all(str(task) in reply.json["detail"] for reply in refused)
    assert (await client.put("/list/1", {"name": "Everyone"})).status == 200
    await client.put(f"/task/{task}", {"cancelled": True})

    assert (await client.put("/list/2", {"name": "Crew"})).status == 200
    assert (await client.send("DELETE", "/list/2")).status == 200


async def test_a_message_is_removed_when_no_task_waits_for_it(client: Client, ready: Ready, clients: Clients) -> None:
    path, other = f"/message/{ready.message_id}", await clients.make(account="other", user="otto")
    task = (await client.post("/task", ready.task())).json["id"]
    waited_for = await client.send("DELETE", path)
    assert (waited_for.status, str(task) in waited_for.json["detail"]) == (409, True)
    await client.put(f"/task/{task}", {"cancelled": True})
    assert (await other.send("DELETE", path)).status == 404

    removed = await client.send("DELETE", path)

    assert (removed.status, removed.json["id"]) == (200, ready.message_id)
    for method, target in (("GET", path), ("DELETE", path), ("GET", f"{path}/preview")):
        assert (await client.send(method, target)).status == 404
    assert (await client.put(path, {"name": "x"})).status == 404
    assert (await client.post(f"{path}/test", {"to": ["a@b.co"]})).status == 404
    assert (await client.get("/message")).json == []
    assert (await client.post("/task", ready.task())).faults == {"message_id"}
    assert (await client.get(f"/task/{task}/report")).status == 200
