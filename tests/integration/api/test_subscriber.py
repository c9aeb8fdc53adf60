"""Subscribers: one by one and thousands at once."""

import asyncio
from typing import Any

import orjson
import pytest

from shared.postgres.database import Database
from tests.integration.api.conftest import Client, count_events


@pytest.fixture
async def path(client: Client) -> str:
    made = await client.post("/list", {"name": "Everybody"})
    return f"/list/{made.json['id']}/subscriber"


async def test_one_subscriber_is_answered_whole(client: Client, path: str) -> None:
    given = {
        "email": "Ann@Example.com",
        "telephone": "+44 7700 900123",
        "external_id": "e-1",
        "vars": {"name": "Ann", "tags": ["a"]},
        "source": "form",
        "consent": {"at": 1700000000, "ip": "192.0.2.1", "text": "yes, please"},
    }
    posted = await client.post(path, given)

    assert posted.status == 201
    assert posted.json | {"id": 0, "cdate": 0, "signup": 0} == {
        **given,
        "id": 0,
        "cdate": 0,
        "signup": 0,
        "telephone": "+447700900123",
        "optout": "none",
        "list_id": 1,
        "confirmed": True,
        "ended": None,
        "consent": {"at": 1700000000.0, "ip": "192.0.2.1", "text": "yes, please"},
    }
    assert (await client.get(posted.headers["Location"])).json == posted.json


async def test_an_address_known_is_updated_and_never_doubled(client: Client, path: str) -> None:
    first = (await client.post(path, {"email": "Ann@x.org", "vars": {"a": 1, "b": 1}})).json
    second = (await client.post(path, {"email": "ann@X.org", "vars": {"b": 2}})).json

    assert (second["id"], second["email"], second["vars"]) == (first["id"], "Ann@x.org", {"a": 1, "b": 2})
    assert (await client.get(path)).headers["X-Total-Count"] == "1"


async def test_a_form_with_brackets_does_as_well(client: Client, path: str) -> None:
    body = b"email=ann%40x.org&vars[name]=Ann&vars[tags][]=a&confirmed=0&telephone="
    posted = await client.post(path, body, headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert (posted.json["vars"], posted.json["confirmed"]) == ({"name": "Ann", "tags": ["a"]}, False)


async def test_many_are_answered_line_by_line(client: Client, path: str, database: Database) -> None:
    await client.post(path, {"email": "known@x.org"})
    gone = (await client.post(path, {"email": "gone@x.org"})).json["id"]
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = $1", gone)
    lines: list[Any] = [
        {"email": "new@x.org"},
        {"email": "KNOWN@x.org", "vars": {"a": 1}},
        {"email": "gone@x.org", "vars": {"a": 1}},
        {"email": "odd", "telephone": "x", "nothing": 1},
        "text",
        {"email": "NEW@x.org", "vars": {"a": 2}},
        {"vars": {}},
    ]
    reply = await client.post(path, lines)
    answer = reply.json

    assert reply.status == 200
    assert {name: answer[name] for name in ("created", "updated", "skipped", "failed")} == {
        "created": 1,
        "updated": 2,
        "skipped": 1,
        "failed": 3,
    }
    assert answer["ids"][2] == gone
    assert answer["ids"][0] == answer["ids"][5]
    assert [answer["ids"][place] for place in (3, 4, 6)] == [None, None, None]
    assert [(error["line"], error["field"]) for error in answer["errors"]] == [
        (4, "email"),
        (4, "telephone"),
        (4, "nothing"),
        (5, ""),
        (7, "email"),
    ]


async def test_lines_of_json_are_numbered_as_they_stand(client: Client, path: str) -> None:
    body = b'{"email": "a@x.org"}\n\n{broken\n{"email": "b@x.org"}'
    answer = (await client.post(path, body, headers={"Content-Type": "application/x-ndjson"})).json

    assert (answer["created"], answer["failed"], answer["errors"][0]["line"]) == (2, 1, 3)
    assert answer["ids"][1] is None


async def test_who_left_is_not_brought_back(client: Client, path: str, database: Database) -> None:
    posted = (await client.post(path, {"email": "ann@x.org", "vars": {"a": 1}})).json
    await database.execute("UPDATE subscription SET ended_at = now()")
    again = await client.post(path, {"email": "ann@x.org", "vars": {"a": 2}})

    assert again.status == 201
    assert again.json["ended"] is not None
    assert again.json["vars"] == {"a": 1}
    assert (await client.get(path)).json == []
    assert (await client.get(f"{path}/{posted['id']}")).json == again.json


async def test_who_opted_out_joins_no_list(client: Client, path: str, database: Database) -> None:
    await client.post(path, {"email": "ann@x.org"})
    await database.execute("UPDATE subscriber SET optout = 'all'")
    other = (await client.post("/list", {"name": "Others"})).json["id"]
    before = await count_events(database)

    assert (await client.post(f"/list/{other}/subscriber", {"email": "ann@x.org"})).status == 409
    assert (await client.post(f"/list/{other}/subscriber", [{"email": "ann@x.org"}])).json["skipped"] == 1
    assert await count_events(database) == before


async def test_one_event_with_ids_alone_tells_of_a_batch(client: Client, path: str, database: Database) -> None:
    answer = (await client.post(path, [{"email": f"p{number}@x.org"} for number in range(50)])).json
    rows = await database.fetch("SELECT data FROM event WHERE type = 'list.subscribers_changed'")

    assert [row["data"]["created"] for row in rows] == [answer["ids"]]
    assert "@" not in orjson.dumps(rows[0]["data"]).decode()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"email"}),
        ({"email": ""}, {"email"}),
        ({"email": None, "telephone": None}, {"email"}),
        ({"email": "a@x.org", "vars": []}, {"vars"}),
        ({"email": "a@x.org", "vars": {"a": "\x00"}}, {"vars"}),
        ({"email": "a@x.org", "vars": {"a": 2**64}}, {"vars"}),
        ({"email": "a@x.org", "confirmed": 1}, {"confirmed"}),
        ({"email": "a@x.org", "list_id": 1}, {"list_id"}),
        ({"email": "a@x.org", "consent": {"at": "now"}}, {"consent.at", "consent.text"}),
        ({"email": "a@x.org\n"}, {"email"}),
        (5, {""}),
        (None, {""}),
        ([{"email": "a@x.org"}] * 10_001, {""}),
    ],
)
async def test_what_is_no_subscriber(
    client: Client, path: str, database: Database, body: Any, fields: set[str]
) -> None:
    before = await count_events(database)
    reply = await client.post(path, orjson.dumps(body) if not isinstance(body, dict) else body)

    assert (reply.status, reply.faults) == (400, fields)
    assert await count_events(database) == before
    assert await database.fetch_value("SELECT count(*) FROM subscriber") == 0


async def test_two_people_in_one_line_are_a_conflict(client: Client, path: str, database: Database) -> None:
    await client.post(path, [{"email": "a@x.org"}, {"telephone": "+447700900123"}])
    before = await count_events(database)
    reply = await client.post(path, {"email": "a@x.org", "telephone": "+447700900123"})

    assert (reply.status, reply.faults) == (409, {"telephone"})
    assert await count_events(database) == before


async def test_an_unknown_list_has_no_subscribers(client: Client) -> None:
    assert (await client.post("/list/99/subscriber", {"email": "a@x.org"})).status == 404
    assert (await client.get("/list/99/subscriber")).status == 404


async def test_whoever_has_an_address_is_found(client: Client, path: str) -> None:
    posted = (await client.post(path, {"email": "Ann@x.org", "telephone": "+447700900123"})).json

    assert [found["id"] for found in (await client.get("/subscriber?email=aNN@X.org")).json] == [posted["id"]]
    assert [found["id"] for found in (await client.get("/subscriber?telephone=%2B447700900123")).json] == [posted["id"]]
    assert (await client.get("/subscriber?email=bob@x.org")).json == []
    assert (await client.get("/subscriber")).status == 400
    assert (await client.get("/subscriber?email=a&telephone=b")).status == 400


async def test_pages_of_a_list_show_each_once(client: Client, path: str) -> None:
    ids = (await client.post(path, [{"email": f"p{number}@x.org"} for number in range(7)])).json["ids"]
    found: list[int] = []
    link = f"{path}?count=3"
    while link:
        page = await client.get(link)
        found += [subscriber["id"] for subscriber in page.json]
        header = page.headers.get("Link", "")
        link = header[1 : header.index(">")] if header else ""

    assert found == ids


async def test_ten_thousand_at_once_and_again(client: Client, path: str) -> None:
    people = [{"email": f"p{number}@example.com", "vars": {"n": number}} for number in range(10_000)]
    first = (await client.post(path, people)).json
    second = (await client.post(path, people)).json

    assert (first["created"], first["updated"], first["failed"]) == (10_000, 0, 0)
    assert (second["created"], second["updated"]) == (0, 10_000)
    assert first["ids"] == second["ids"]
    assert (await client.get("/list/1")).json["subscription_count"] == 10_000


async def test_batches_that_name_the_same_people_at_once_make_each_once(client: Client, path: str) -> None:
    people = [{"email": f"p{number}@x.org", "telephone": f"+4477009{number:05}"} for number in range(200)]
    replies = await asyncio.gather(
        *(client.post(path, people if number % 2 else people[::-1]) for number in range(6)),
        *(client.post(path, people[number]) for number in range(20)),
    )

    assert {reply.status for reply in replies} <= {200, 201}
    assert (await client.get(path)).headers["X-Total-Count"] == "200"
