"""What stands in the way of removing a list, a search, a message or a domain, and what of it a member is told."""

from typing import Any

import pytest

from shared.domain.identifiers import TaskId, splittest_stream
from shared.domain.split_test import CompleteSplitTest, DrawSample, MeasureSplitTest, StartSplitTest
from shared.domain.split_test_terms import Figures
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.split_test import SPLIT_TESTS, follow
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Clients, Ready

START = StartSplitTest((TaskId(901), TaskId(902)), TaskId(903))
BOTH = Figures(1, 0, cancelled=False), Figures(1, 1, cancelled=False)
#: What the planner would command, one after the other; the sample is a third, so the winner goes to somebody.
WALK = (None, START, DrawSample(30, 7), MeasureSplitTest(BOTH))


@pytest.fixture
async def terms(client: Client, ready: Ready) -> dict[str, Any]:
    """A domain, and a split test of two messages from it that has yet to start."""
    assert (await client.post("/domain", {"name": "example.com"})).status == 201
    second = (await client.post("/message", EMAIL_MESSAGE)).json["id"]
    return {
        "message_ids": [ready.message_id, second],
        "list_id": ready.list_id,
        "criterion": "open",
        "delay": 1,
        "segmentvalue": 30,
        "scheduledtime": LATER,
    }


async def make(client: Client, terms: dict[str, Any]) -> int:
    made = await client.post("/splittest", terms)
    assert made.status == 201, made.data
    return int(made.json["id"])


async def refusals(client: Client, *paths: str) -> set[str]:
    """The one thing that is said to whoever would remove any of these."""
    replies = [await client.send("DELETE", path) for path in paths]
    assert [reply.status for reply in replies] == [409] * len(paths), [reply.data for reply in replies]
    return {reply.json["detail"] for reply in replies}


async def test_a_split_test_keeps_what_it_needs_until_its_end(
    client: Client, terms: dict[str, Any], store: PostgresEventStore, database: Database
) -> None:
    """Its list, its messages and their domain: not started, freezing, sending, and while the rest is being sent to."""
    test_id = await make(client, terms)
    paths = [f"/list/{terms['list_id']}", *(f"/message/{each}" for each in terms["message_ids"]), "/domain/1"]
    handler = Handler(store, clock.now)
    for step in WALK:
        if step:
            await handler.handle(SPLIT_TESTS, splittest_stream(test_id), step, Actor(1), then=follow)
        # Of the tasks that it made nothing is left to need anything: that it does itself is what is asked here.
        await database.execute("UPDATE task SET started = true, completed = true")
        assert await refusals(client, *paths) == {f"it is still needed by split test {test_id}"}
    await handler.handle(SPLIT_TESTS, splittest_stream(test_id), CompleteSplitTest(), Actor(1), then=follow)

    assert [(await client.send("DELETE", path)).status for path in paths] == [200] * len(paths)


async def test_a_split_test_keeps_its_search_and_the_lists_that_it_names(
    client: Client, terms: dict[str, Any], store: PostgresEventStore, database: Database
) -> None:
    """And their names until the audience is frozen. By which lists it reaches people is told by the hold on it."""
    query = {"source_list": "Everybody", "criteria": ["list_member_not"], "value": ["Staff"]}
    await client.post("/list", {"name": "Staff"})
    await client.post("/search", {"name": "s", "query": query})
    test_id = await make(client, {**terms, "list_id": None, "search_id": 1})
    said = {f"it is still needed by split test {test_id}"}
    assert await refusals(client, "/search/1", "/list/1", "/list/2") == said
    assert (await client.put("/list/2", {"name": "Crew"})).json["detail"] in said
    handler = Handler(store, clock.now)
    for step in WALK[1:3]:
        await handler.handle(SPLIT_TESTS, splittest_stream(test_id), step, Actor(1), then=follow)
    await database.execute("UPDATE task SET started = true, completed = true, recipients = 1")
    await database.execute(
        """INSERT INTO splitting (shard, task_id, splittest_id, reached_lists, message_class)
           VALUES (0, 903, $1, '{1}', '')""",
        test_id,
    )

    assert await refusals(client, "/search/1", "/list/1") == said
    assert (await client.put("/list/2", {"name": "Crew"})).status == 200
    assert (await client.send("DELETE", "/list/2")).status == 200
    await client.put(f"/splittest/{test_id}", {"cancelled": True})
    assert (await client.send("DELETE", "/search/1")).status == 200
    assert (await client.send("DELETE", "/list/1")).status == 200


async def test_a_task_to_segments_keeps_them_and_the_names_they_know_lists_by(
    client: Client, ready: Ready, database: Database
) -> None:
    """As a campaign makes one."""
    await client.post("/list", {"name": "Staff"})
    query = {"criteria": ["list_member_not"], "value": ["Staff"]}
    assert (await client.post("/search", {"name": "s", "list_id": ready.list_id, "query": query})).status == 201
    task = (await client.post("/task", ready.task())).json["id"]
    await database.execute("UPDATE task SET campaign_id = 1, segments = '{1}' WHERE id = $1", task)
    said = {f"it is still needed by task {task}"}

    assert await refusals(client, "/search/1", "/list/2") == said
    assert (await client.put("/list/2", {"name": "Crew"})).json["detail"] in said


async def test_a_member_is_told_of_what_he_may_see_alone(
    client: Client, clients: Clients, ready: Ready, terms: dict[str, Any]
) -> None:
    """That others stand in the way, but not which: by a list, by a search, by a domain, and by the name of a list."""
    await client.post("/search", {"name": "s", "query": {"source_list": "Everybody"}})
    await client.post("/task", ready.task(list_id=None, search_id=1))
    await client.post("/task", ready.task())
    await make(client, terms)
    member = await clients.make(user="mia", role="member")
    paths = ("/list/1", "/search/1", "/domain/1")

    assert await refusals(member, *paths) == {"it is still needed by others"}
    renamed = await member.put("/list/1", {"name": "x"})
    assert (renamed.status, renamed.json["detail"]) == (409, "it is still needed by others")
    message = (await member.post("/message", EMAIL_MESSAGE)).json["id"]
    of_list = (await member.post("/task", ready.task(message_id=message))).json["id"]
    assert await refusals(member, "/list/1", "/domain/1") == {f"it is still needed by task {of_list} and others"}
    assert await refusals(member, f"/message/{message}") == {f"it is still needed by task {of_list}"}
    assert await refusals(member, "/search/1") == {"it is still needed by others"}
