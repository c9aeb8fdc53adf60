"""Searches: saved, read, changed, removed and counted; and tasks to them."""

from typing import Any
from urllib.parse import urlencode

import pytest

from shared.domain.task import FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients, Ready, count_events, drive

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VALID = {"query_mode": "and", "criteria": ["valid"]}
FIRST = {"criteria": ["match"], "field": ["place"], "value": [1]}


def search(**given: Any) -> dict[str, Any]:
    return {"name": "Valid ones", "query": {"criteria": ["valid"]}, **given}


async def test_a_saved_search_is_read_as_it_was_answered(client: Client, ready: Ready) -> None:
    query = {"source_list": "Everybody", "criteria": ["valid", "domain"], "value": ["example.com|example.org"]}
    saved = await client.post("/search", search(list_id=ready.list_id, query=query))
    read = await client.get(saved.headers["Location"])

    assert saved.status == 201
    assert saved.json == read.json == {
        "id": saved.json["id"],
        "name": "Valid ones",
        "list_id": ready.list_id,
        "query": {
            "source_list": "Everybody",
            "query_mode": "and",
            "criteria": ["valid", "domain"],
            "value": [None, ["example.com", "example.org"]],
        },
        "cdate": saved.json["cdate"],
    }  # fmt: skip


async def test_what_is_answered_can_be_posted_again(client: Client, ready: Ready) -> None:
    query = {"criteria": ["open_time", "not"], "timerange": ["since_days"], "value": ["30", "x|y"], "field": ["a"]}
    first = (await client.post("/search", search(query=query))).json
    second = (await client.post("/search", search(query=first["query"]))).json

    assert first["query"] == second["query"]


async def test_a_form_with_brackets_does_as_well(client: Client, ready: Ready) -> None:
    fields = [
        ("name", "Form"),
        ("list_id", ""),
        ("query[source_list]", "Everybody"),
        ("query[criteria][]", "engagement_min"),
        ("query[criteria][]", "match"),
        ("query[engagement][0]", "1"),
        ("query[field][1]", "vip"),
        ("query[value][1]", "true"),
    ]
    saved = await client.post("/search", urlencode(fields).encode(), headers=FORM)

    assert saved.status == 201
    assert saved.json["query"]["engagement"] == [1, None]
    assert saved.json["query"]["value"] == [None, ["true", True]]


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        pytest.param({"name": ""}, {"name"}, id="no name"),
        pytest.param({"list_id": 99}, {"list_id"}, id="no such list"),
        pytest.param({"query": None}, {"query"}, id="null"),
        pytest.param({"query": "valid"}, {"query"}, id="a text"),
        pytest.param({"query": {"source_list": "Nobody"}}, {"query"}, id="no such source"),
        pytest.param(
            {"query": {"criteria": ["list_member_not"], "value": ["Nobody"]}}, {"query"}, id="a list in a condition"
        ),
        pytest.param({"query": {"criteria": ["geo_city"]}}, {"query.criteria.0"}, id="a criterion of a later version"),
        pytest.param(
            {"query": {"criteria": ["match", "engagement_min"], "limit": 5, "value": [[]], "engagement": [9]}},
            {"query.limit", "query.field.0", "query.value.0", "query.engagement.0"},
            id="every fault of a query",
        ),
        pytest.param(
            {"name": "", "color": "red", "query": {"query_mode": "xor"}},
            {"name", "color", "query.query_mode"},
            id="and those beside it",
        ),
    ],
)
async def test_every_fault_is_named(
    client: Client, ready: Ready, database: Database, given: dict[str, Any], faults: set[str]
) -> None:
    before = await count_events(database)
    refused = await client.post("/search", search(**given))

    assert (refused.status, refused.faults) == (400, faults)
    assert await count_events(database) == before


async def test_unknown_lists_are_named(client: Client, ready: Ready) -> None:
    query = {"source_list": ".multiple", "multiple_source_list": ["Everybody", "A", "B"]}
    refused = await client.post("/search", search(query=query))

    assert [error["message"] for error in refused.json["errors"]] == ["there is no list 'A'", "there is no list 'B'"]


async def test_a_list_without_its_query_is_refused(client: Client) -> None:
    refused = await client.post("/search", {"name": "n"})

    assert (refused.status, refused.faults) == (400, {"query"})


async def test_what_is_given_changes(client: Client, ready: Ready) -> None:
    saved = (await client.post("/search", search())).json
    path = f"/search/{saved['id']}"
    renamed = await client.put(path, {"name": "New"})
    bound = await client.put(path, {"list_id": ready.list_id, "query": {}})
    again = await client.put(path, {})

    assert renamed.json == {**saved, "name": "New"}
    assert (
        bound.json == again.json == {**saved, "name": "New", "list_id": ready.list_id, "query": {"query_mode": "and"}}
    )
    assert (await client.get(path)).json == bound.json
    assert (await client.put(path, {"list_id": None})).json["list_id"] is None


@pytest.mark.parametrize(
    ("change", "faults"),
    [({"list_id": 99}, {"list_id"}), ({"query": {"criteria": ["x"]}}, {"query.criteria.0"}), ({"id": 5}, {"id"})],
)
async def test_a_change_is_checked_as_well(
    client: Client, ready: Ready, change: dict[str, Any], faults: set[str]
) -> None:
    saved = (await client.post("/search", search())).json
    refused = await client.put(f"/search/{saved['id']}", change)

    assert (refused.status, refused.faults) == (400, faults)
    assert (await client.get(f"/search/{saved['id']}")).json == saved


async def test_a_removed_search_is_gone(client: Client) -> None:
    saved = (await client.post("/search", search())).json
    path = f"/search/{saved['id']}"

    assert (await client.send("DELETE", path)).json == saved
    assert [(await client.get(path)).status, (await client.get(f"{path}/count")).status] == [404, 404]
    assert [(await client.put(path, {"name": "n"})).status, (await client.send("DELETE", path)).status] == [404, 404]
    assert (await client.get("/search")).json == []


async def test_a_search_that_a_task_waits_for_stays(
    client: Client, ready: Ready, store: PostgresEventStore, database: Database
) -> None:
    """Until it has started, or is cancelled; its query may change until then."""
    path = (await client.post("/search", search())).headers["Location"]
    search_id = int(path.rsplit("/", 1)[1])
    tasks = [(await client.post("/task", ready.task(list_id=None, search_id=search_id))).json["id"] for _ in range(2)]
    refused = await client.send("DELETE", path)

    assert refused.status == 409
    assert f"task {tasks[0]} and task {tasks[1]}" in refused.json["errors"][0]["message"]
    assert (await client.put(path, {"query": {}})).status == 200
    await client.put(f"/task/{tasks[0]}", {"cancelled": True})
    await drive(store, tasks[1], StartTask(1))
    assert (await client.send("DELETE", path)).status == 200


async def test_the_pages_hold_each_search_once(client: Client) -> None:
    ids = [(await client.post("/search", search(name=f"s{number}"))).json["id"] for number in range(5)]
    await client.send("DELETE", f"/search/{ids[2]}")
    seen, path, total = [], "/search?count=3", set()
    while path:
        page = await client.get(path)
        seen += [each["id"] for each in page.json]
        total.add(page.headers["X-Total-Count"])
        path = page.headers["Link"].split(">")[0][1:] if "Link" in page.headers else ""

    assert seen == [ids[0], ids[1], ids[3], ids[4]]
    assert total == {"4"}
    assert (await client.get("/search?start=x")).faults == {"start"}


async def test_a_repeat_saves_nothing_twice(client: Client) -> None:
    key = {"Idempotency-Key": "once"}
    first, second = [await client.post("/search", search(), headers=key) for _ in range(2)]

    assert first.json == second.json
    assert len((await client.get("/search")).json) == 1
    assert (await client.post("/search", search(name="other"), headers=key)).status == 409


async def test_who_may_what(client: Client, clients: Clients) -> None:
    """A reader reads; another account sees nothing of it, and names no list of it."""
    await client.post("/list", {"name": "Ours"})
    path = (await client.post("/search", search())).headers["Location"]
    reader, stranger = await clients.make(user="rita", role="reader"), await clients.make(account="other", user="eve")

    assert [(await reader.get(each)).status for each in (path, f"{path}/count", "/search")] == [200, 200, 200]
    assert [(await reader.post("/search", search())).status, (await reader.put(path, {"name": "n"})).status] == [
        403,
        403,
    ]
    assert (await reader.send("DELETE", path)).status == 403
    assert [(await stranger.get(each)).status for each in (path, f"{path}/count")] == [404, 404]
    assert [(await stranger.put(path, {"name": "n"})).status, (await stranger.send("DELETE", path)).status] == [
        404,
        404,
    ]
    assert (await stranger.get("/search")).json == []
    assert (await stranger.post("/search", search(query={"source_list": "Ours"}))).faults == {"query"}
    assert (await stranger.post("/search", search(list_id=1))).faults == {"list_id"}


async def test_it_tells_how_many_it_finds(client: Client, ready: Ready, database: Database) -> None:
    """Everybody, and who could be written to, by mail and by SMS."""
    await database.execute("UPDATE subscriber SET vars = jsonb_build_object('place', 1) WHERE id IN (1, 2)")
    await database.execute("UPDATE subscriber SET telephone = NULL WHERE id = 1")
    await database.execute("UPDATE subscriber SET optout = 'blast' WHERE id = 3")
    first = (await client.post("/search", search(query=FIRST))).json["id"]
    everybody = (await client.post("/search", search(query={}))).json["id"]

    assert (await client.get(f"/search/{first}/count")).json == {"matched": 2, "email": 2, "sms": 1}
    assert (await client.get(f"/search/{everybody}/count")).json == {"matched": 3, "email": 2, "sms": 1}


async def test_the_size_of_a_task_is_whom_the_search_would_reach_now(
    client: Client, ready: Ready, database: Database
) -> None:
    """By the channel and the class of the message; nobody twice, on however many lists he is."""
    second = (await client.post("/list", {"name": "Second"})).json["id"]
    await client.post(f"/list/{second}/subscriber", [{"email": "p0@example.com"}, {"email": "new@example.com"}])
    await database.execute("UPDATE subscriber SET optout = 'basic' WHERE id = 1")
    await database.execute("UPDATE subscriber SET telephone = NULL WHERE id = 2")
    text = (await client.post("/message", {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"})).json["id"]
    service = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi", "class": "service"}
    ours = (await client.post("/message", service)).json["id"]
    query = {"source_list": ".multiple", "multiple_source_list": ["Everybody", "Second"]}
    both = (await client.post("/search", search(query=query))).json["id"]
    of_list = (await client.post("/search", search(list_id=second, query={}))).json["id"]

    async def size(search_id: int, **given: Any) -> int:
        task = await client.post("/task", ready.task(list_id=None, search_id=search_id, **given))
        assert (task.status, task.json["search_id"], task.json["list_id"]) == (201, search_id, None)
        found: int = task.json["size"]
        return found

    assert await size(both) == 3
    assert await size(of_list) == 1
    assert await size(both, channel="sms", message_id=text) == 1
    assert await size(both, channel="sms", message_id=ours) == 2


async def test_a_task_to_a_search_that_is_not_there_is_refused(client: Client, ready: Ready, clients: Clients) -> None:
    """Never was, is removed, or is another account's; beside whatever else is wrong."""
    gone = (await client.post("/search", search())).json["id"]
    await client.send("DELETE", f"/search/{gone}")
    stranger = await clients.make(account="other", user="eve")
    theirs = (await stranger.post("/search", search())).json["id"]

    for search_id in (99, gone, theirs):
        refused = await client.post("/task", ready.task(list_id=None, search_id=search_id, message_id=77))
        assert (refused.status, refused.faults) == (400, {"search_id", "message_id"})


async def test_the_target_may_change_until_the_task_starts(
    client: Client, ready: Ready, ready_task: int, store: PostgresEventStore
) -> None:
    """From a list to a search and back; exactly one of them; the size stays."""
    search_id = (await client.post("/search", search(query={"criteria": ["exists"], "field": ["no"]}))).json["id"]
    path = f"/task/{ready_task}"
    changed = await client.put(path, {"list_id": None, "search_id": search_id})

    assert changed.status == 200
    assert (changed.json["list_id"], changed.json["search_id"], changed.json["size"]) == (None, search_id, 3)
    assert (await client.put(path, {"search_id": 99})).faults == {"search_id"}
    assert (await client.put(path, {"list_id": ready.list_id})).status == 400
    assert (await client.put(path, {"search_id": None})).status == 400
    back = await client.put(path, {"list_id": ready.list_id, "search_id": None})
    assert (back.json["list_id"], back.json["search_id"]) == (ready.list_id, None)
    await drive(store, ready_task, StartTask(1))
    assert (await client.put(path, {"list_id": None, "search_id": search_id})).status == 409


async def test_a_report_does_not_say_why_a_search_found_others(
    client: Client, ready: Ready, store: PostgresEventStore
) -> None:
    search_id = (await client.post("/search", search())).json["id"]
    task_id = (await client.post("/task", ready.task(list_id=None, search_id=search_id))).json["id"]
    await drive(store, task_id, StartTask(1), FreezeAudience(2, {}))
    report = (await client.get(f"/task/{task_id}/report")).json

    assert (report["size"], report["audience"], report["excluded"], report["joined"]) == (3, 2, None, None)
