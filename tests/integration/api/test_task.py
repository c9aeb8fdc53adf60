"""The task: posted, read, changed, cancelled."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.bus.in_process import InProcess
from shared.bus.interface import Hint
from shared.domain.task import CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.api.conftest import LATER, NOW_DUE, Client, Ready, count_events, drive

SEED = {
    "id",
    "cancelled",
    "channel",
    "completed",
    "emailuniquebounces",
    "emailuniqueclicks",
    "emailuniqueopens",
    "emailuniqueunsubscriptions",
    "emailuniquecomplaints",
    "endtime",
    "list_id",
    "message_id",
    "name",
    "rate",
    "scheduledtime",
    "search_id",
    "size",
    "smsuniquebounces",
    "splittest_id",
    "cdate",
}


async def test_a_posted_task_is_read_as_it_was_answered(client: Client, ready: Ready) -> None:
    posted = await client.post("/task", ready.task(rate=5000, in_doubt="hold"))
    read = await client.get(posted.headers["Location"])

    assert posted.status == 201
    assert posted.json == read.json
    assert set(posted.json) - SEED == {
        "started",
        "recipients",
        "in_doubt",
        "user_id",
        "paused",
        "paused_reason",
        "blocked_reason",
        "expires",
        "send_window",
        "campaign_id",
        "segments",
    }
    assert set(posted.json) >= SEED
    assert (posted.json["size"], posted.json["rate"], posted.json["scheduledtime"]) == (3, 5000, LATER)


async def test_counts_of_the_other_channel_are_null(client: Client, ready: Ready) -> None:
    sms = await client.post("/message", {"channel": "sms", "name": "Text", "sender": "Acme", "body": "Hi"})
    email = (await client.post("/task", ready.task())).json
    text = (await client.post("/task", ready.task(channel="sms", message_id=sms.json["id"]))).json

    assert (email["emailuniqueopens"], email["emailuniquebounces"], email["smsuniquebounces"]) == (0, 0, None)
    assert (text["emailuniqueopens"], text["emailuniquebounces"], text["smsuniquebounces"]) == (None, None, 0)


async def test_size_counts_who_can_be_written_to(client: Client, ready: Ready, database: Database) -> None:
    await client.post(
        f"/list/{ready.list_id}/subscriber", [{"telephone": "+447700900555"}, {"email": "u@x.org", "confirmed": False}]
    )
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 1")
    await database.execute("UPDATE subscriber SET optout = 'all' WHERE id = 2")

    assert (await client.post("/task", ready.task())).json["size"] == 1


async def test_a_time_past_becomes_now(client: Client, ready: Ready) -> None:
    began = clock.now()
    task = (await client.post("/task", ready.task(scheduledtime=5.5))).json

    assert began - 1 <= task["scheduledtime"] <= clock.now() + 1


async def test_a_form_does_as_well(client: Client, ready: Ready) -> None:
    task = ready.task(scheduledtime=f"{LATER}.5", search_id="")
    body = urlencode(task)
    posted = await client.post(
        "/task", body.encode(), headers={"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    )

    assert posted.status == 201
    assert posted.json["scheduledtime"] == LATER + 0.5


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        pytest.param({"channel": "fax"}, {"channel"}, id="no such channel"),
        pytest.param({"channel": "sms"}, {"message_id"}, id="a message of the other channel"),
        pytest.param({"message_id": 99}, {"message_id"}, id="no such message"),
        pytest.param({"message_id": True}, {"message_id"}, id="true is no id"),
        pytest.param({"message_id": 2**63}, {"message_id"}, id="beyond 63 bits"),
        pytest.param({"message_id": 2**70}, {"message_id"}, id="beyond 64 bits"),
        pytest.param({"list_id": 99}, {"list_id"}, id="no such list"),
        pytest.param({"list_id": 99, "message_id": 99}, {"list_id", "message_id"}, id="neither list nor message"),
        pytest.param({"list_id": None, "search_id": 1}, {"search_id"}, id="no such search"),
        pytest.param({"search_id": 1}, {"list_id"}, id="list and search"),
        pytest.param({"list_id": None}, {"list_id"}, id="neither list nor search"),
        pytest.param({"rate": 0}, {"rate"}, id="no rate at all"),
        pytest.param({"rate": 1.5}, {"rate"}, id="a broken rate"),
        pytest.param({"scheduledtime": "soon"}, {"scheduledtime"}, id="no time"),
        pytest.param({"scheduledtime": None}, {"scheduledtime"}, id="no time at all"),
        pytest.param({"scheduledtime": 1e300}, {"scheduledtime"}, id="a time beyond all"),
        pytest.param({"name": ""}, {"name"}, id="an empty name"),
        pytest.param({"name": "a\nb"}, {"name"}, id="a name of two lines"),
        pytest.param({"in_doubt": "ask"}, {"in_doubt"}, id="no such policy"),
        pytest.param({"paused": True}, {"paused"}, id="an unknown field"),
        pytest.param({"id": 7}, {"id"}, id="an id is given by the service"),
        pytest.param(
            {"channel": "fax", "rate": 0, "name": 5, "x": 1, "search_id": 1},
            {"channel", "rate", "name", "x", "list_id"},
            id="all at once",
        ),
    ],
)
async def test_what_cannot_be_sent_is_refused_and_leaves_no_event(
    client: Client, ready: Ready, database: Database, given: dict[str, Any], faults: set[str]
) -> None:
    before = await count_events(database)
    reply = await client.post("/task", ready.task(**given))

    assert (reply.status, reply.faults) == (400, faults)
    assert await count_events(database) == before


async def test_an_empty_object_lacks_what_is_required(client: Client) -> None:
    reply = await client.post("/task", {})

    assert reply.faults == {"channel", "message_id", "name", "scheduledtime", "list_id"}


async def test_name_target_and_time_change_until_it_starts(
    client: Client, ready: Ready, ready_task: int, store: PostgresEventStore
) -> None:
    other = (await client.post("/list", {"name": "Others"})).json["id"]
    changed = await client.put(f"/task/{ready_task}", {"name": "Newer", "list_id": other, "scheduledtime": LATER + 1})

    assert (changed.json["name"], changed.json["list_id"], changed.json["scheduledtime"]) == ("Newer", other, LATER + 1)
    assert changed.json["size"] == 3
    assert (await client.get(f"/task/{ready_task}")).json == changed.json
    await drive(store, ready_task, StartTask(1))
    assert (await client.put("/task", {"id": ready_task, "name": "Newest"})).status == 409
    assert (await client.put("/task", {"id": ready_task, "name": "Newer"})).status == 200


@pytest.mark.parametrize(
    ("change", "status", "faults"),
    [
        ({"list_id": None}, 400, {"list_id"}),
        ({"search_id": 5}, 400, {"list_id"}),
        ({"list_id": None, "search_id": 5}, 400, {"search_id"}),
        ({"list_id": 99}, 400, {"list_id"}),
        ({"rate": 5}, 400, {"rate"}),
        ({"name": None}, 400, {"name"}),
        ({"cancelled": "yes"}, 400, {"cancelled"}),
        ({"id": 99}, 400, {"id"}),
        ({"name": ""}, 400, {"name"}),
    ],
)
async def test_a_change_that_cannot_be(
    client: Client, ready_task: int, database: Database, change: dict[str, Any], status: int, faults: set[str]
) -> None:
    before = await count_events(database)
    reply = await client.put(f"/task/{ready_task}", change)

    assert (reply.status, reply.faults) == (status, faults)
    assert await count_events(database) == before


async def test_put_without_a_path_needs_the_id(client: Client, ready_task: int) -> None:
    assert (await client.put("/task", {"name": "x"})).faults == {"id"}
    assert (await client.put("/task", {"id": ready_task, "name": "x"})).json["name"] == "x"
    assert (await client.put("/task", {"id": 99, "name": "x"})).status == 404


async def test_cancelling_is_for_good_and_can_be_repeated(client: Client, ready_task: int, database: Database) -> None:
    cancelled = await client.put(f"/task/{ready_task}", {"cancelled": True})
    events = await count_events(database)
    again = await client.put(f"/task/{ready_task}", {"cancelled": True})

    assert cancelled.json["cancelled"]
    assert cancelled.json["endtime"] is not None
    assert again.json == cancelled.json
    assert await count_events(database) == events
    assert (await client.put(f"/task/{ready_task}", {"cancelled": False})).status == 409
    assert (await client.put(f"/task/{ready_task}", {"name": "x"})).status == 409


async def test_a_completed_task_cannot_be_cancelled(client: Client, ready_task: int, store: PostgresEventStore) -> None:
    await drive(store, ready_task, StartTask(1), FreezeAudience(0, {}), CompleteTask())

    assert (await client.put(f"/task/{ready_task}", {"cancelled": True})).status == 409
    task = (await client.get(f"/task/{ready_task}")).json
    assert (task["completed"], task["cancelled"], task["recipients"]) == (True, False, 0)


async def test_of_two_puts_at_once_none_is_lost(client: Client, ready_task: int) -> None:
    replies = await asyncio.gather(
        *(client.put(f"/task/{ready_task}", {"name": f"n{number}"}) for number in range(6)),
        *(client.put(f"/task/{ready_task}", {"scheduledtime": LATER + number}) for number in range(6)),
    )
    history = (await client.get(f"/task/{ready_task}/history")).json

    assert {reply.status for reply in replies} == {200}
    assert [event["version"] for event in history] == list(range(1, len(history) + 1))


async def test_whoever_may_send_now_is_told_so(client: Client, ready: Ready, bus: InProcess) -> None:
    heard: asyncio.Queue[Hint] = asyncio.Queue()
    async with await bus.listen("dispatcher", heard.put):
        later = (await client.post("/task", ready.task())).json["id"]
        due = (await client.post("/task", ready.task(scheduledtime=NOW_DUE))).json["id"]
        await client.put(f"/task/{later}", {"cancelled": True})
        hints = [await asyncio.wait_for(heard.get(), 5) for _ in range(2)]

    assert hints == [Hint("task_due", due), Hint("task_due", later)]


async def test_a_bus_that_is_away_hinders_nobody(client: Client, ready: Ready, bus: InProcess) -> None:
    await bus.close()

    assert (await client.post("/task", ready.task(scheduledtime=NOW_DUE))).status == 201


async def test_delete_is_not_supported(client: Client, ready_task: int) -> None:
    for path in ("/task", f"/task/{ready_task}"):
        reply = await client.send("DELETE", path)
        assert reply.status == 405
        assert "PUT" in reply.headers["Allow"]


async def test_nothing_found_is_an_empty_array(client: Client) -> None:
    assert (await client.get("/task")).json == []
    assert (await client.get("/task/1")).status == 404


async def test_the_history_says_who_did_what(client: Client, ready_task: int) -> None:
    await client.put(f"/task/{ready_task}", {"name": "Newer"})
    await client.put(f"/task/{ready_task}", {"cancelled": True})
    history = (await client.get(f"/task/{ready_task}/history")).json

    assert [(event["version"], event["event"]) for event in history] == [
        (1, "task.created"),
        (2, "task.changed"),
        (3, "task.cancelled"),
    ]
    assert {event["user_id"] for event in history} == {client.created["user_id"] if client.created else None}
    assert history[1]["detail"]["name"] == "Newer"
