"""``/splittest``: made, listed, changed and cancelled; who sees it, and what is refused."""

import asyncio
from typing import Any

import pytest

from shared.domain.identifiers import TaskId, splittest_stream
from shared.domain.split_test import DrawSample, MeasureSplitTest, StartSplitTest
from shared.domain.split_test_terms import Figures
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Clients, Ready, count_events

START = StartSplitTest((TaskId(901), TaskId(902)), TaskId(903))
DRAW = DrawSample(3, 7)
MEASURE = MeasureSplitTest((Figures(1, 0, cancelled=False), Figures(1, 1, cancelled=False)))


@pytest.fixture
async def terms(client: Client, ready: Ready) -> dict[str, Any]:
    """What a split test of two messages to three people needs."""
    second = await client.post("/message", {**EMAIL_MESSAGE, "subject": "Another"})
    return {
        "name": "Which one",
        "message_ids": [ready.message_id, second.json["id"]],
        "list_id": ready.list_id,
        "criterion": "open",
        "delay": 2.5,
        "segmentvalue": 40,
        "scheduledtime": LATER,
    }


async def make(client: Client, terms: dict[str, Any], **given: Any) -> Any:
    reply = await client.post("/splittest", {**terms, **given})
    assert reply.status == 201, reply.data
    return reply.json


async def drive(store: PostgresEventStore, test_id: int, *commands: Any) -> None:
    """What the planner would command."""
    handler = Handler(store, clock.now)
    for command in commands:
        await handler.handle(SPLIT_TESTS, splittest_stream(test_id), command, Actor(1), then=follow)


async def test_a_new_one_says_all_that_it_is(client: Client, terms: dict[str, Any]) -> None:
    reply = await client.post("/splittest", terms)

    made = reply.json
    assert (reply.status, reply.headers["Location"]) == (201, f"/splittest/{made['id']}")
    assert made == {
        **terms,
        "id": made["id"],
        "action": "targetwinner",
        "segmenttype": "percentage",
        "tie": "first",
        "search_id": None,
        "rate": None,
        "in_doubt": "resend",
        "user_id": made["user_id"],
        "size": 3,
        "cdate": made["cdate"],
        **dict.fromkeys(("started", "cancelled", "completed"), False),
        **dict.fromkeys(("endtime", "recipients", "rest", "measured_at")),
        "winner_message_id": None,
        "winner_task_id": None,
        "variants": [
            {"message_id": each, "task_id": None, "recipients": None, "accepted": None, "score": None}
            for each in terms["message_ids"]
        ],
    }
    assert (await client.get(f"/splittest/{made['id']}")).json == made
    assert (await client.get("/splittest")).json == [made]
    assert (await client.send("HEAD", f"/splittest/{made['id']}")).status == 200


async def test_a_search_is_counted_as_it_finds_now_and_a_past_time_becomes_now(
    client: Client, terms: dict[str, Any]
) -> None:
    """A list and a search for everybody on it come to the same."""
    query = {"criteria": ["domain"], "value": ["example.com"]}
    search = await client.post("/search", {"name": "s", "list_id": terms["list_id"], "query": query})
    made = await make(client, terms, list_id=None, search_id=search.json["id"], scheduledtime=5)

    assert made["size"] == 3
    assert made["scheduledtime"] == made["cdate"]


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"message_ids": [1]}, {"message_ids"}),
        ({"message_ids": [1, 2, 3, 4, 5, 6]}, {"message_ids"}),
        ({"message_ids": [1, 1]}, {"message_ids"}),
        ({"message_ids": [1, 99]}, {"message_ids"}),
        ({"message_ids": [1, 3]}, {"message_ids"}),
        ({"message_ids": "1,2"}, {"message_ids"}),
        ({"criterion": "goal"}, {"criterion"}),
        ({"message_ids": [1, 4]}, {"criterion"}),
        ({"action": "x", "tie": "last", "segmenttype": "share"}, {"action", "tie", "segmenttype"}),
        ({"segmentvalue": 101}, {"segmentvalue"}),
        ({"segmenttype": "number", "segmentvalue": 1}, {"segmentvalue"}),
        ({"delay": -1}, {"delay"}),
        ({"delay": 9000}, {"delay"}),
        ({"rate": 1}, {"rate"}),
        ({"list_id": None}, {"list_id"}),
        ({"list_id": 99}, {"list_id"}),
        ({"search_id": 5}, {"list_id"}),
        ({"list_id": None, "search_id": 5}, {"search_id"}),
        ({"name": "x" * 241, "winner_task_id": 5, "delay": "1"}, {"name", "winner_task_id", "delay"}),
    ],
)
async def test_what_cannot_be_is_refused_naming_every_fault(
    client: Client, terms: dict[str, Any], database: Database, wrong: dict[str, Any], fields: set[str]
) -> None:
    """Message 3 is an SMS, 4 does not track opens."""
    await client.post("/message", {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"})
    await client.post("/message", {**EMAIL_MESSAGE, "track_opens": False})
    events = await count_events(database)

    reply = await client.post("/splittest", {**terms, **wrong})

    assert (reply.status, reply.faults) == (400, fields)
    assert await count_events(database) == events


async def test_a_form_says_the_same(client: Client, terms: dict[str, Any]) -> None:
    first, second = terms["message_ids"]
    form = (
        f"name=A&message_ids[]={first}&message_ids[]={second}&list_id={terms['list_id']}&search_id=&criterion=click"
        f"&delay=0.5&segmenttype=number&segmentvalue=2&scheduledtime={LATER}"
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await client.send("POST", "/splittest", form.encode(), headers=headers)

    assert reply.status == 201
    assert (reply.json["message_ids"], reply.json["delay"]) == ([first, second], 0.5)


async def test_terms_change_until_it_starts_with_the_id_in_path_or_body(
    client: Client, terms: dict[str, Any], store: PostgresEventStore
) -> None:
    test_id = (await make(client, terms))["id"]

    changed = await client.put(f"/splittest/{test_id}", {"message_ids": terms["message_ids"][::-1], "delay": 1})
    again = await client.put("/splittest", {"id": test_id, "name": "Newer", "tie": "random"})

    assert (changed.json["message_ids"], changed.json["delay"]) == (terms["message_ids"][::-1], 1)
    assert (again.json["name"], again.json["tie"], again.json["delay"]) == ("Newer", "random", 1)
    assert (await client.get(f"/splittest/{test_id}")).json == again.json
    assert (await client.put("/splittest", {"name": "x"})).faults == {"id"}
    assert (await client.put(f"/splittest/{test_id}", {"id": 99})).faults == {"id"}
    assert (await client.put(f"/splittest/{test_id}", {"size": 5})).faults == {"size"}
    assert (await client.put(f"/splittest/{test_id}", {"message_ids": [1, 99]})).faults == {"message_ids"}
    assert (await client.put("/splittest/99", {"name": "x"})).status == 404

    await drive(store, test_id, START)
    late = await client.put(f"/splittest/{test_id}", {"name": "x", "segmentvalue": 5})
    assert (late.status, late.faults) == (409, {"name", "segmentvalue"})
    assert (await client.put(f"/splittest/{test_id}", {"delay": 0, "action": "tellme"})).status == 200


async def test_once_drawn_it_names_its_tasks_and_they_name_it(
    client: Client, terms: dict[str, Any], store: PostgresEventStore
) -> None:
    test_id = (await make(client, terms))["id"]
    await drive(store, test_id, START, DRAW)
    shown = (await client.get(f"/splittest/{test_id}")).json

    assert (shown["started"], shown["recipients"], shown["rest"]) == (True, 3, 1)
    assert [(each["task_id"], each["recipients"]) for each in shown["variants"]] == [(901, 1), (902, 1)]
    for each in shown["variants"]:
        task = (await client.get(f"/task/{each['task_id']}")).json
        assert (task["splittest_id"], task["message_id"], task["size"]) == (test_id, each["message_id"], 1)
    assert (await client.put("/task/901", {"list_id": None, "search_id": 1})).status in (400, 409)

    await drive(store, test_id, MEASURE)
    measured = (await client.get(f"/splittest/{test_id}")).json
    assert [(each["accepted"], each["score"]) for each in measured["variants"]] == [(1, 0), (1, 1)]
    assert (measured["winner_message_id"], measured["winner_task_id"]) == (terms["message_ids"][1], 903)
    assert (await client.get("/task/903")).json["splittest_id"] == test_id


async def test_a_person_chooses_once(client: Client, terms: dict[str, Any], store: PostgresEventStore) -> None:
    first, second = terms["message_ids"]
    test_id = (await make(client, terms, action="tellme"))["id"]
    assert (await client.put(f"/splittest/{test_id}", {"winner_message_id": first})).status == 409
    await drive(store, test_id, START, DRAW, MEASURE)
    assert (await client.put(f"/splittest/{test_id}", {"winner_message_id": 99})).faults == {"winner_message_id"}

    chosen = await client.put(f"/splittest/{test_id}", {"winner_message_id": first})

    assert (chosen.json["winner_message_id"], chosen.json["winner_task_id"]) == (first, 903)
    assert (await client.put(f"/splittest/{test_id}", {"winner_message_id": first})).json == chosen.json
    assert (await client.put(f"/splittest/{test_id}", {"winner_message_id": second})).status == 409
    history = (await client.get("/task/903/history")).json
    assert history[0]["user_id"] == chosen.json["user_id"], "who chose it made it"


async def test_a_cancel_is_one_of_its_tasks_and_is_not_taken_back(
    client: Client, terms: dict[str, Any], store: PostgresEventStore
) -> None:
    test_id = (await make(client, terms))["id"]
    await drive(store, test_id, START, DRAW)

    cancelled = await client.put(f"/splittest/{test_id}", {"cancelled": True})

    assert (cancelled.json["cancelled"], cancelled.json["completed"]) == (True, False)
    assert cancelled.json["endtime"] is not None
    assert [(await client.get(f"/task/{task}")).json["cancelled"] for task in (901, 902)] == [True, True]
    assert (await client.put(f"/splittest/{test_id}", {"cancelled": True})).json == cancelled.json
    assert (await client.put(f"/splittest/{test_id}", {"cancelled": False})).status == 409
    assert (await client.send("DELETE", f"/splittest/{test_id}")).status == 405


async def test_the_filters_and_the_total(client: Client, terms: dict[str, Any]) -> None:
    first, second = await make(client, terms, name="A"), await make(client, terms, name="B")
    await client.put(f"/splittest/{second['id']}", {"cancelled": True})

    async def found(query: str) -> list[str]:
        reply = await client.get(f"/splittest?{query}")
        assert int(reply.headers["X-Total-Count"]) == len(reply.json)
        return [test["name"] for test in reply.json]

    assert await found(f"id={first['id']}") == await found("cancelled=0") == await found("name=A") == ["A"]
    assert await found("cancelled=true") == ["B"]
    assert await found("completed=true") == await found("list_id=null") == await found("name=C") == []
    assert await found(f"list_id={terms['list_id']}") == ["A", "B"]
    for wrong in ("criterion=open", "sort=delay", "count=0", "start=x", "start=WyJpZCIsInRydWUiLDFd", "x=1"):
        assert (await client.get(f"/splittest?{wrong}")).faults == {wrong.partition("=")[0]}


@pytest.mark.parametrize("sort", ["id", "name", "scheduledtime", "endtime", "cdate"])
@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_neither_repeat_nor_lose_one_where_values_tie(
    client: Client, terms: dict[str, Any], sort: str, sign: str
) -> None:
    """Also while others are made; some have no end."""
    made = [
        (await make(client, terms, name="ab"[number % 2], scheduledtime=LATER + number // 4))["id"]
        for number in range(9)
    ]
    for test_id in made[:2]:
        await client.put(f"/splittest/{test_id}", {"cancelled": True})
    found: list[int] = []
    path: str | None = f"/splittest?count=2&sort={sign}{sort}"
    while path:
        reply = await client.get(path)
        found += [test["id"] for test in reply.json]
        path = reply.headers["Link"].split(">")[0].strip("<") if "Link" in reply.headers else None
        await make(client, terms, name="b" if sign == "" else "a", scheduledtime=LATER if sign else LATER + 9)
        if len(found) > 60:
            break

    assert len(found) == len(set(found))
    assert set(made) <= set(found)


async def test_a_member_sees_those_of_which_every_message_is_his(
    client: Client, clients: Clients, terms: dict[str, Any]
) -> None:
    """And nobody sees another account's; a reader changes nothing."""
    member = await clients.make(user="mia", role="member")
    other = await clients.make(account="other", user="otto")
    reader = await clients.make(user="rita", role="reader")
    mine = [(await member.post("/message", EMAIL_MESSAGE)).json["id"] for _ in range(2)]
    of_both = await make(client, terms, message_ids=[mine[0], terms["message_ids"][0]])
    of_member = await make(member, terms, message_ids=mine)

    assert [test["id"] for test in (await member.get("/splittest")).json] == [of_member["id"]]
    assert (await member.get("/splittest")).headers["X-Total-Count"] == "1"
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("PUT", {"cancelled": True})):
        assert (await member.send(method, f"/splittest/{of_both['id']}", body)).status == 404
        assert (await other.send(method, f"/splittest/{of_both['id']}", body)).status == 404
    assert (await other.get("/splittest")).json == []
    assert (await member.post("/splittest", {**terms, "message_ids": terms["message_ids"]})).faults == {"message_ids"}
    assert (await other.post("/splittest", terms)).faults == {"message_ids", "list_id"}
    assert (await reader.post("/splittest", terms)).status == 403
    assert len((await reader.get("/splittest")).json) == 2


async def test_a_repeat_under_the_same_key_makes_nothing(
    client: Client, terms: dict[str, Any], database: Database
) -> None:
    headers = {"Idempotency-Key": "once"}
    replies = await asyncio.gather(*(client.post("/splittest", terms, headers=headers) for _ in range(20)))

    assert {(reply.status, reply.data) for reply in replies} == {(201, replies[0].data)}
    assert await database.fetch_value("SELECT count(*) FROM splittest") == 1
    assert (await client.post("/splittest", {**terms, "name": "x"}, headers=headers)).status == 409
