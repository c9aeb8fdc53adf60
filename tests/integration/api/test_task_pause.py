"""A task is paused and resumed by PUT, and says whether it rests, why, and what blocks it."""

import asyncio
from typing import Any

import pytest

from shared.bus.in_process import InProcess
from shared.bus.interface import Hint
from shared.domain.task import CompleteTask, FreezeAudience, PauseTask, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import NOW_DUE, Client, Ready, count_events, drive

STARTED = (StartTask(1), FreezeAudience(3, {}))


async def paused(client: Client, task_id: int) -> tuple[bool, str | None]:
    task = (await client.get(f"/task/{task_id}")).json
    return task["paused"], task["paused_reason"]


@pytest.mark.parametrize("commands", [(), STARTED[:1], STARTED], ids=["scheduled", "freezing", "sending"])
async def test_pausing_and_resuming_can_be_repeated(
    client: Client, ready_task: int, store: PostgresEventStore, database: Database, commands: tuple[Any, ...]
) -> None:
    """Each is one event, with a person's name to it; what is answered is what is read."""
    await drive(store, ready_task, *commands)
    before = await count_events(database)
    for wish in (True, True, False, False, "1", "0"):
        form = isinstance(wish, str)
        body = f"paused={wish}".encode() if form else {"paused": wish}
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        reply = await client.put(f"/task/{ready_task}", body, headers=headers)
        assert (reply.status, reply.json["paused"]) == (200, wish in (True, "1"))
        assert reply.json == (await client.get(f"/task/{ready_task}")).json

    assert await count_events(database) == before + 4
    history = (await client.get(f"/task/{ready_task}/history")).json[-4:]
    assert [event["event"] for event in history] == ["task.paused", "task.resumed"] * 2
    assert {event["user_id"] for event in history} == {client.created["user_id"] if client.created else None}
    assert history[0]["detail"] == {"cause": "user", "reason": None}


async def test_what_has_ended_cannot_be_paused(client: Client, ready: Ready, store: PostgresEventStore) -> None:
    completed, cancelled = [(await client.post("/task", ready.task())).json["id"] for _ in range(2)]
    await drive(store, completed, *STARTED, CompleteTask())
    await client.put(f"/task/{cancelled}", {"cancelled": True})

    for task_id in (completed, cancelled):
        reply = await client.put(f"/task/{task_id}", {"paused": True})
        assert (reply.status, reply.faults) == (409, {"paused"})
        assert (await client.put(f"/task/{task_id}", {"paused": False})).status == 200
        assert await paused(client, task_id) == (False, None)


async def test_a_paused_task_can_be_cancelled(client: Client, ready_task: int) -> None:
    await client.put(f"/task/{ready_task}", {"paused": True})
    reply = await client.put(f"/task/{ready_task}", {"cancelled": True, "paused": True})

    assert (reply.status, reply.json["cancelled"], reply.json["paused"]) == (200, True, False)


@pytest.mark.parametrize("wish", [None, "yes", 1, [], {}])
async def test_anything_else_is_refused(client: Client, ready_task: int, wish: Any) -> None:
    reply = await client.put(f"/task/{ready_task}", {"paused": wish})

    assert (reply.status, reply.faults) == (400, {"paused"})


async def test_a_task_that_paused_itself_says_why(client: Client, ready_task: int, store: PostgresEventStore) -> None:
    """In the task, in the list, and in its history, where nobody's name stands to it."""
    reason = "60 hard bounces of 1000 accepted messages: 6.00 %, more than 5 %"
    await drive(store, ready_task, *STARTED, PauseTask("bounces", reason))

    assert await paused(client, ready_task) == (True, reason)
    [listed] = (await client.get("/task")).json
    assert (listed["paused"], listed["paused_reason"]) == (True, reason)
    told = (await client.get(f"/task/{ready_task}/history")).json[-1]
    assert (told["event"], told["user_id"]) == ("task.paused", None)
    assert told["detail"] == {"cause": "bounces", "reason": reason}
    await client.put(f"/task/{ready_task}", {"paused": False})
    assert await paused(client, ready_task) == (False, None)


async def test_what_blocks_a_task_is_shown_for_as_long_as_it_is_sent(
    client: Client, ready: Ready, store: PostgresEventStore, database: Database
) -> None:
    """By GET, by the list and by the answer to a PUT; a task that has ended is not blocked any more."""
    [blocked, other] = [(await client.post("/task", ready.task())).json["id"] for _ in range(2)]
    await drive(store, blocked, *STARTED)
    await database.execute(
        "INSERT INTO sending (shard, task_id, blocked_reason) VALUES (0, $1, 'auth: 535 no')", blocked
    )

    assert (await client.get(f"/task/{blocked}")).json["blocked_reason"] == "auth: 535 no"
    listed = {task["id"]: task["blocked_reason"] for task in (await client.get("/task")).json}
    assert listed == {blocked: "auth: 535 no", other: None}
    assert (await client.put(f"/task/{blocked}", {"paused": True})).json["blocked_reason"] == "auth: 535 no"
    cancelled = await client.put(f"/task/{blocked}", {"cancelled": True})
    assert cancelled.json["blocked_reason"] is None
    assert cancelled.json == (await client.get(f"/task/{blocked}")).json


async def test_the_dispatcher_is_told_of_a_resume_and_of_a_cancel(client: Client, ready: Ready, bus: InProcess) -> None:
    """So that neither waits for a sweep; a pause needs no hint, as senders look for it by themselves."""
    heard: asyncio.Queue[Hint] = asyncio.Queue()
    task_id = (await client.post("/task", ready.task())).json["id"]
    async with await bus.listen("dispatcher", heard.put):
        for wish in ({"paused": True}, {"paused": False}, {"cancelled": True}):
            await client.put(f"/task/{task_id}", wish)
        due = (await client.post("/task", ready.task(scheduledtime=NOW_DUE))).json["id"]
        hints = []
        while Hint("task_due", due) not in hints:
            hints.append(await asyncio.wait_for(heard.get(), 5))

    assert hints[:3] == [Hint("batches_ready", task_id), Hint("task_due", task_id), Hint("batches_ready", task_id)]


async def test_a_reader_pauses_nothing(client: Client, clients: Any, ready_task: int) -> None:
    reader = await clients.make(user="rob", role="reader")

    assert (await reader.put(f"/task/{ready_task}", {"paused": True})).status == 403
    assert await paused(client, ready_task) == (False, None)
