"""Lists and messages."""

import asyncio
from typing import Any

import pytest

from shared.postgres.database import Database
from tests.integration.api.conftest import EMAIL_MESSAGE, Client, count_events


async def test_a_list_is_read_as_it_was_answered(client: Client) -> None:
    posted = await client.post("/list", {"name": "Everybody"})

    assert posted.status == 201
    assert posted.json["subscription_count"] == 0
    assert (await client.get(posted.headers["Location"])).json == posted.json
    assert (await client.get("/list")).json == [posted.json]


async def test_a_name_is_given_to_one_list(client: Client, database: Database) -> None:
    await client.post("/list", {"name": "Everybody"})
    before = await count_events(database)

    assert (await client.post("/list", {"name": "Everybody"})).status == 409
    assert await count_events(database) == before


async def test_of_two_lists_of_one_name_at_once_one_is_made(client: Client) -> None:
    replies = await asyncio.gather(*(client.post("/list", {"name": "Everybody"}) for _ in range(12)))

    assert sorted(reply.status for reply in replies) == [201] + [409] * 11
    assert {fault["field"] for reply in replies if reply.status == 409 for fault in reply.json["errors"]} == {"name"}


async def test_lists_come_in_pages(client: Client) -> None:
    ids = [(await client.post("/list", {"name": f"n{number}"})).json["id"] for number in range(3)]
    first = await client.get("/list?count=2")
    link = first.headers["Link"]
    second = await client.get(link[1 : link.index(">")])

    assert [found["id"] for found in first.json + second.json] == ids
    assert "Link" not in second.headers


async def test_a_message_is_read_as_it_was_answered(client: Client) -> None:
    posted = await client.post("/message", EMAIL_MESSAGE)

    assert posted.status == 201
    assert posted.json.items() >= EMAIL_MESSAGE.items()
    assert posted.json.items() >= {"version": 1, "class": "marketing", "track_clicks": True, "reply_to": None}.items()
    assert (await client.get(posted.headers["Location"])).json == posted.json
    assert (await client.get("/message")).json == [posted.json]


async def test_a_text_message(client: Client) -> None:
    given = {"channel": "sms", "name": "Text", "sender": "+447700900123", "body": "Hi {{ vars.name }}"}
    posted = await client.post("/message", given)

    assert posted.status == 201
    assert posted.json.items() >= given.items()
    assert "subject" not in posted.json


async def test_an_edit_makes_a_version_and_keeps_what_it_does_not_name(client: Client, database: Database) -> None:
    made = (await client.post("/message", EMAIL_MESSAGE)).json
    edited = await client.put(f"/message/{made['id']}", {"subject": "New", "html": None})

    assert edited.json == {**made, "version": 2, "subject": "New", "html": None}
    assert (await client.get(f"/message/{made['id']}")).json == edited.json
    rows = await database.fetch("SELECT version, links FROM message_version ORDER BY version")
    assert [(row["version"], row["links"]) for row in rows] == [
        (1, ["https://example.com/a", "https://example.com/b"]),
        (2, ["https://example.com/b"]),
    ]


async def test_the_same_edit_again_is_no_new_version(client: Client) -> None:
    made = (await client.post("/message", EMAIL_MESSAGE)).json

    assert (await client.put(f"/message/{made['id']}", {"subject": made["subject"]})).json["version"] == 1


async def test_untracked_links_are_not_kept(client: Client, database: Database) -> None:
    await client.post("/message", {**EMAIL_MESSAGE, "track_clicks": False})

    assert await database.fetch_value("SELECT links FROM message_version") == []


async def test_edits_at_once_lose_nothing_of_each_other(client: Client) -> None:
    made = (await client.post("/message", EMAIL_MESSAGE)).json
    path = f"/message/{made['id']}"
    edits: list[dict[str, Any]] = [{"subject": "New"}, {"from_name": "News"}, {"reply_to": "r@x.org"}, {"ad_zones": 3}]
    await asyncio.gather(*(client.put(path, edit) for edit in edits))
    message = (await client.get(path)).json

    assert message["version"] == 5
    assert all(message.items() >= edit.items() for edit in edits)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"channel": "fax"}, {"channel"}),
        ({"channel": None}, {"channel"}),
        ({"subject": "a\r\nBcc: x@y.z"}, {"subject"}),
        ({"subject": "{{ vars.name"}, {"subject"}),
        ({"subject": "{{ env.HOME }}", "html": "{{ a }} {{ b }}"}, {"subject", "html"}),
        ({"subject": "{{ unsubscribe_url }}", "from_name": "{{ vars.name }}"}, {"subject", "from_name"}),
        ({"from_email": "odd"}, {"from_email"}),
        ({"from_name": "a\x00"}, {"from_name"}),
        ({"html": "a\x00"}, {"html"}),
        ({"html": None, "text": ""}, {"html"}),
        ({"sender": "Acme"}, {"sender"}),
        ({"class": "other"}, {"class"}),
        ({"ad_zones": -1}, {"ad_zones"}),
        ({"track_opens": 1}, {"track_opens"}),
        ({"channel": "sms"}, {"sender", "body", "subject", "from_email", "html", "text"}),
    ],
)
async def test_what_is_no_message(client: Client, database: Database, given: dict[str, Any], fields: set[str]) -> None:
    before = await count_events(database)
    reply = await client.post("/message", {**EMAIL_MESSAGE, **given})

    assert (reply.status, reply.faults) == (400, fields)
    assert await count_events(database) == before


async def test_a_bad_placeholder_is_named(client: Client) -> None:
    reply = await client.post("/message", {**EMAIL_MESSAGE, "html": "{{ first }} {{ vars.ok }} {{ second }}"})

    assert "first" in reply.json["errors"][0]["message"]
    assert "second" in reply.json["errors"][0]["message"]


@pytest.mark.parametrize("sender", ["", "12", "123456789", "ABCDEFGHIJKL", "---", "+0123", "Ünï€", "Acme\n"])
async def test_what_is_no_sender(client: Client, sender: str) -> None:
    message = {"channel": "sms", "name": "Text", "sender": sender, "body": "Hi"}

    assert (await client.post("/message", message)).faults == {"sender"}


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        pytest.param("a" * 1_530, True, id="ten parts"),
        pytest.param("a" * 1_531, False, id="eleven parts"),
        pytest.param("я" * 670, True, id="ten parts of other letters"),
        pytest.param("я" * 671, False, id="eleven parts of other letters"),
        pytest.param("a" * 1_530 + "{{ vars.name }}", True, id="ten parts and what is not known yet"),
        pytest.param("{{ first }}", False, id="a placeholder that there is not"),
        pytest.param("", False, id="nothing"),
    ],
)
async def test_which_text_can_be_an_sms(client: Client, body: str, taken: bool) -> None:
    reply = await client.post("/message", {"channel": "sms", "name": "Text", "sender": "Acme", "body": body})

    assert reply.status == (201 if taken else 400)
    assert taken or reply.faults == {"body"}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"channel": "sms"}, {"channel"}),
        ({"body": "x"}, {"body"}),
        ({"name": None}, {"name"}),
        ({"html": None, "text": None}, {"html"}),
        ({"version": 2}, {"version"}),
    ],
)
async def test_an_edit_that_cannot_be(
    client: Client, database: Database, change: dict[str, Any], fields: set[str]
) -> None:
    made = (await client.post("/message", EMAIL_MESSAGE)).json
    before = await count_events(database)
    reply = await client.put(f"/message/{made['id']}", change)

    assert (reply.status, reply.faults) == (400, fields)
    assert await count_events(database) == before
    assert (await client.put("/message/99", {"name": "x"})).status == 404
