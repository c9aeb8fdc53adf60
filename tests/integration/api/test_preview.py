"""What a message would be for somebody, before anybody gets it."""

from typing import Any

import pytest

from shared.postgres.database import Database
from tests.integration.api.conftest import EMAIL_MESSAGE, Client, Clients, Ready, count_events

MESSAGE = {
    **EMAIL_MESSAGE,
    "subject": 'Hello {{ vars.name | default("you") }}',
    "html": '<p>{% for item in vars.items %}<a href="https://example.com/a">{{ item.name }}</a>{% endfor %}</p>',
    "text": None,
    "reply_to": "desk@example.com",
}
SMS = {"channel": "sms", "name": "Text", "sender": "Acme", "body": "Hi {{ vars.name | upper }} €"}


async def previewed(client: Client, message: dict[str, Any], query: str = "") -> dict[str, Any]:
    made = await client.post("/message", message)
    reply = await client.get(f"/message/{made.json['id']}/preview{query}")

    assert reply.status == 200
    found: dict[str, Any] = reply.json
    return found


async def test_somebody_made_up_has_everything_that_is_asked_for(client: Client) -> None:
    preview = await previewed(client, MESSAGE)

    assert (preview["channel"], preview["version"], preview["faults"]) == ("email", 1, [])
    assert preview["subject"] == "Hello [name]"
    assert preview["html"].startswith('<p><a href="https://example.com/a">[name]</a><a href="https://example.com/a">')
    assert preview["text"].startswith("[name] (https://example.com/a) [name] (https://example.com/a) \n")
    assert preview["headers"].items() >= {
        ("From", "news@example.com"),
        ("To", "recipient@example.com"),
        ("Reply-To", "desk@example.com"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    }
    assert "/u/preview" in preview["headers"]["List-Unsubscribe"]
    assert 1_000 < preview["size"] < 3_000


async def test_a_subscriber_s_own_values(client: Client, ready: Ready) -> None:
    person = {"email": "ada@example.com", "vars": {"name": "Ada", "items": [{"name": "<1>"}]}}
    made = (await client.post(f"/list/{ready.list_id}/subscriber", person)).json
    preview = await previewed(client, MESSAGE, f"?subscriber_id={made['id']}")

    assert (preview["subject"], preview["headers"]["To"]) == ("Hello Ada", "ada@example.com")
    assert ">&lt;1&gt;</a>" in preview["html"]


async def test_values_that_are_given(client: Client) -> None:
    """What is not given the recipient has not."""
    message_id = (await client.post("/message", MESSAGE)).json["id"]
    path = f"/message/{message_id}/preview"
    given = {"email": "bob@example.com", "vars": {"name": "{{ email }}", "items": [{"name": "Bob"}]}}

    assert (await client.post(path, given)).json["subject"] == "Hello {{ email }}"
    assert (await client.post(path, given)).json["headers"]["To"] == "bob@example.com"
    assert (await client.post(path, {})).json["subject"] == "Hello you"
    assert "<p></p>" in (await client.post(path, {"vars": {}})).json["html"]


async def test_an_sms_with_its_parts(client: Client) -> None:
    message_id = (await client.post("/message", SMS)).json["id"]
    path = f"/message/{message_id}/preview"

    assert (await client.get(path)).json == {
        "channel": "sms",
        "version": 1,
        "sender": "Acme",
        "text": "Hi [NAME] €",
        "encoding": "GSM-7",
        "parts": 1,
        "units": 14,
        "forced_by": [],
        "faults": [],
    }
    dear = (await client.post(path, {"vars": {"name": "Zoë ✓ " * 20}})).json
    assert (dear["encoding"], dear["parts"], dear["forced_by"]) == ("UCS-2", 2, ["Ë", "✓"])


async def test_what_cannot_be_made_for_him_is_said(client: Client) -> None:
    message_id = (await client.post("/message", MESSAGE)).json["id"]
    reply = await client.post(f"/message/{message_id}/preview", {"vars": {"items": [1] * 10_000}})

    assert reply.status == 200
    assert (reply.json["html"], reply.json["size"]) == (None, None)
    assert reply.json["faults"] == [{"field": "", "message": "the template takes more than 20,000 steps"}]


async def test_the_newest_version_is_shown(client: Client) -> None:
    message_id = (await client.post("/message", MESSAGE)).json["id"]
    await client.put(f"/message/{message_id}", {"subject": "Second"})
    preview = (await client.get(f"/message/{message_id}/preview")).json

    assert (preview["version"], preview["subject"]) == (2, "Second")


async def test_a_reader_may_look_and_nothing_comes_of_it(client: Client, clients: Clients, database: Database) -> None:
    message_id = (await client.post("/message", MESSAGE)).json["id"]
    reader = await clients.make(user="rita", role="reader")
    before = await count_events(database)

    assert (await reader.get(f"/message/{message_id}/preview")).status == 200
    assert (await reader.post(f"/message/{message_id}/preview", {})).status == 200
    assert (await reader.post("/message", MESSAGE)).status == 403
    assert await count_events(database) == before


async def test_what_is_another_s_is_not_there(client: Client, clients: Clients, ready: Ready) -> None:
    """Neither the message of another account nor its subscriber; a member knows his own messages alone."""
    message_id = (await client.post("/message", MESSAGE)).json["id"]
    person = (await client.post(f"/list/{ready.list_id}/subscriber", {"email": "ada@example.com"})).json
    stranger, member = await clients.make(account="other"), await clients.make(user="mia", role="member")
    own = (await stranger.post("/message", MESSAGE)).json["id"]

    for other in (stranger, member):
        assert (await other.get(f"/message/{message_id}/preview")).status == 404
        assert (await other.post(f"/message/{message_id}/preview", {})).status == 404
    missing = await stranger.get(f"/message/{own}/preview?subscriber_id={person['id']}")
    assert (missing.status, missing.faults) == (400, {"subscriber_id"})


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"email": "odd"}, {"email"}),
        ({"telephone": "x"}, {"telephone"}),
        ({"vars": []}, {"vars"}),
        ({"vars": {"a": "\x00"}}, {"vars"}),
        ({"name": "x"}, {"name"}),
        ([], {""}),
    ],
)
async def test_what_is_no_recipient(client: Client, given: Any, fields: set[str]) -> None:
    message_id = (await client.post("/message", MESSAGE)).json["id"]
    reply = await client.post(f"/message/{message_id}/preview", given)

    assert (reply.status, reply.faults) == (400, fields)


async def test_an_odd_query(client: Client) -> None:
    message_id = (await client.post("/message", MESSAGE)).json["id"]

    assert (await client.get(f"/message/{message_id}/preview?subscriber_id=x")).faults == {"subscriber_id"}
    assert (await client.get(f"/message/{message_id}/preview?vars=x")).faults == {"vars"}
    assert (await client.get("/message/99/preview")).status == 404


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"subject": "{% if vars.a %}x"}, "subject", "line 1: '{% if vars.a %}' is not ended by {% endif %}"),
        ({"html": "a\n{{ 7*7 }}"}, "html", "line 2: '{{ 7*7 }}' has something odd at '*7 }}'"),
        ({"text": "\n\n{% include 'x' %}"}, "text", "line 3: \"{% include 'x' %}\" is unknown"),
        ({"text": None, "html": "<p {% if email %}>a{% else %}>b{% endif %}"}, "html", "a condition or loop begins"),
        ({"subject": "{{ unsubscribe_url }}"}, "subject", "unsubscribe_url belongs into the body"),
        ({"from_name": "{% if email %}x{% endif %}"}, "from_name", "no placeholders here"),
    ],
)
async def test_a_template_that_cannot_be_rendered_is_refused_when_it_is_written(
    client: Client, given: dict[str, Any], field: str, sentence: str
) -> None:
    """In a POST and in a PUT, by field and line."""
    made = (await client.post("/message", MESSAGE)).json["id"]

    for reply in (await client.post("/message", {**MESSAGE, **given}), await client.put(f"/message/{made}", given)):
        assert (reply.status, reply.faults) == (400, {field})
        assert sentence in reply.json["errors"][0]["message"]


async def test_a_template_that_takes_too_much_for_anybody_is_refused(client: Client) -> None:
    loops = "".join(f"{{% for x{n} in {'vars.l' if n == 0 else f'x{n - 1}'} %}}" for n in range(20))

    for message in ({**MESSAGE, "html": loops + "{% endfor %}" * 20}, {**SMS, "body": loops + "{% endfor %}" * 20}):
        reply = await client.post("/message", message)
        assert (reply.status, reply.faults) == (400, {"html" if message["channel"] == "email" else "body"})
        assert "more than 20,000 steps" in reply.json["errors"][0]["message"]
