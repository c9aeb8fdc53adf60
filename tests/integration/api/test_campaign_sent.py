"""Campaigns that are being sent: their tasks, what cannot be changed any more, and what others hear of it."""

from typing import Any

import pytest

from services.dispatcher.campaigns.move import move_campaigns
from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope
from shared.domain.task import CompleteTask, FreezeAudience, StartTask
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from shared.runtime import clock
from tests.integration.api.campaigning import make_complete
from tests.integration.api.conftest import NOW_DUE, Client, Clients, Ready, drive
from tests.integration.relay_rig import until

PUBLIC = "https://93.184.216.34/events"


CHANGES: dict[str, Any] = {"name": "x", "segments": [], "domain": None, "when": 1, "state": "READY"}


async def move(database: Database) -> None:
    """What the dispatcher does every second."""
    await move_campaigns(database, Handler(PostgresEventStore(database), clock.now), Ids(database))


@pytest.fixture
async def sending(client: Client, ready: Ready, domain: int, segments: list[int], database: Database) -> dict[str, Any]:
    """As the API shows it."""
    wish = {"when": NOW_DUE, "state": "SCHEDULED", "segments": segments[:2], "event_callback": PUBLIC}
    made = await make_complete(client, ready, domain, **wish)
    await move(database)
    found: dict[str, Any] = (await client.get(f"/campaign/{made['id']}")).json
    assert found == {**made, "state": "SENDING", "tasks": found["tasks"]}
    return found


async def test_its_tasks_name_it_and_go_to_its_segments(client: Client, ready: Ready, sending: dict[str, Any]) -> None:
    [task_id] = sending["tasks"]
    task = (await client.get(f"/task/{task_id}")).json

    named = {name: task[name] for name in ("campaign_id", "segments", "list_id", "search_id", "message_id", "name")}
    assert named == {
        "campaign_id": sending["id"],
        "segments": sending["segments"],
        "list_id": ready.list_id,
        "search_id": None,
        "message_id": ready.message_id,
        "name": sending["name"],
    }
    assert task["size"] == 3
    assert (await client.get("/task")).json == [task]
    other = (await client.post("/task", ready.task())).json
    assert (other["campaign_id"], other["segments"]) == (None, [])


async def test_its_tasks_keep_its_list_and_can_be_stopped(
    client: Client, ready: Ready, sending: dict[str, Any]
) -> None:
    path = f"/task/{sending['tasks'][0]}"
    other = (await client.post("/list", {"name": "More"})).json["id"]

    assert (await client.put(path, {"list_id": other})).status == 409
    assert (await client.put(path, {"paused": True})).json["paused"]
    assert (await client.put(path, {"cancelled": True})).json["cancelled"]


async def test_a_report_of_segments_does_not_say_who_left(
    client: Client, sending: dict[str, Any], store: PostgresEventStore
) -> None:
    [task_id] = sending["tasks"]
    await drive(store, task_id, StartTask(1), FreezeAudience(2, {"unsubscribed": 0}))
    report = (await client.get(f"/task/{task_id}/report")).json

    assert (report["size"], report["audience"], report["excluded"], report["joined"]) == (3, 2, None, None)


async def test_from_sending_on_nothing_changes_but_the_callback(
    client: Client, ready: Ready, domain: int, sending: dict[str, Any], store: PostgresEventStore, database: Database
) -> None:
    path = f"/campaign/{sending['id']}"
    [payload] = sending["payloads"]

    async def refused() -> list[int]:
        changes: tuple[dict[str, Any], ...] = (
            {"name": "x"},
            {"segments": []},
            {"domain": None},
            {"when": 1},
            {"state": "READY"},
        )
        replies = [await client.put(path, each) for each in changes]
        replies.append(await client.send("DELETE", path))
        replies.append(await client.post(f"{path}/payload", {"channel": "email", "message_id": ready.message_id}))
        replies.append(await client.send("DELETE", f"{path}/payload/{payload['id']}"))
        return [reply.status for reply in replies]

    assert await refused() == [409] * 8
    same = {name: sending[name] for name in ("name", "domain", "list", "segments", "state", "when", "event_callback")}
    assert (await client.put(path, same)).json == sending
    other = {"event_callback": f"{PUBLIC}?again"}
    assert (await client.put(path, other)).json == {**sending, **other}
    await drive(store, sending["tasks"][0], StartTask(1), FreezeAudience(0, {}), CompleteTask())
    await move(database)
    done = {**sending, "state": "DONE"}
    assert (await client.get(path)).json == {**done, **other}
    assert await refused() == [409] * 8
    assert (await client.put(path, {"event_callback": None})).json == {**done, "event_callback": None}
    assert (await client.put(path, {"event_callback": "http://10.0.0.1/"})).faults == {"event_callback"}


async def test_what_is_missing_is_shown_while_it_waits(
    client: Client, ready: Ready, domain: int, segments: list[int], database: Database
) -> None:
    """A segment that is gone; once the campaign goes without it, it starts."""
    wish = {"when": NOW_DUE, "state": "SCHEDULED", "segments": segments[:1]}
    path = f"/campaign/{(await make_complete(client, ready, domain, **wish))['id']}"
    await client.send("DELETE", f"/search/{segments[0]}")
    await move(database)
    waiting = (await client.get(path)).json
    assert (waiting["state"], waiting["error"]) == ("SCHEDULED", f"segments: there is no segment {segments[0]}")

    await client.put(path, {"segments": []})
    await move(database)
    assert (await client.get(path)).json["state"] == "SENDING"


async def test_its_tasks_are_seen_as_other_tasks_are(
    client: Client, clients: Clients, ready: Ready, domain: int, database: Database
) -> None:
    """A member sees those whose message he created, whoever sends it."""
    member, other = await clients.make(user="meg", role="member"), await clients.make(user="mo", role="member")
    wish = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"}
    text = (await member.post("/message", wish)).json["id"]
    made = await make_complete(client, ready, domain, when=NOW_DUE, state="SCHEDULED")
    await client.post(f"/campaign/{made['id']}/payload", {"channel": "sms", "message_id": text})
    await move(database)

    assert len((await client.get("/task")).json) == 2
    assert [each["message_id"] for each in (await member.get("/task")).json] == [text]
    assert (await other.get("/task")).json == []


async def test_others_hear_what_happened_to_it(
    bus: InProcess, client: Client, ready: Ready, domain: int, database: Database
) -> None:
    """In the order in which it did, by routing keys in the past tense."""
    heard: list[EventEnvelope] = []

    async def hear(envelope: EventEnvelope) -> None:
        heard.append(envelope)

    bus.listen_events("campaign.*", hear)
    made = await make_complete(client, ready, domain, when=NOW_DUE)
    await client.put(f"/campaign/{made['id']}", {"state": "SCHEDULED"})
    await move(database)
    await until(lambda: len(heard) == 5)

    assert [each.routing_key.removeprefix("campaign.") for each in heard] == [
        "created", "payload_added", "scheduled", "readied", "started",
    ]  # fmt: skip
    assert {each.subject for each in heard} == {f"campaign/{made['id']}"}


async def test_a_list_that_its_segments_name_keeps_its_name(
    client: Client, ready: Ready, domain: int, store: PostgresEventStore, database: Database
) -> None:
    """Until its tasks have found their people: a segment may leave out those of another list, by the list's name."""
    other = (await client.post("/list", {"name": "Not these"})).json["id"]
    queries: list[dict[str, Any]] = [{}, {"criteria": ["list_member_not"], "value": ["Not these"]}]
    wishes = [{"name": "s", "list_id": ready.list_id, "query": query} for query in (*queries, queries[-1])]
    segments = [(await client.post("/search", wish)).json["id"] for wish in wishes]
    made = await make_complete(client, ready, domain, when=NOW_DUE, state="SCHEDULED", segments=segments)
    await move(database)
    [task] = (await client.get(f"/campaign/{made['id']}")).json["tasks"]
    refused = await client.put(f"/list/{other}", {"name": "Those"})
    stays = await client.send("DELETE", f"/list/{other}")
    await drive(store, task, StartTask(1), FreezeAudience(3, {}))
    renamed = await client.put(f"/list/{other}", {"name": "Those"})

    assert (refused.status, stays.status, renamed.status) == (409, 409, 200)
    assert refused.json["detail"].count(str(task)) == 1
