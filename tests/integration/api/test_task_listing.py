"""Tasks found again: filters, orders, pages."""

from typing import Any

import pytest

from shared.domain.task import CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Ready, drive


async def test_tasks_are_filtered_by_equality(client: Client, ready: Ready, store: PostgresEventStore) -> None:
    other = (await client.post("/list", {"name": "Others"})).json["id"]
    message = (await client.post("/message", EMAIL_MESSAGE)).json["id"]
    first = (await client.post("/task", ready.task(name="first"))).json["id"]
    second = (await client.post("/task", ready.task(name="second", list_id=other))).json["id"]
    third = (await client.post("/task", ready.task(name="third", message_id=message))).json["id"]
    await client.put(f"/task/{second}", {"cancelled": True})
    await drive(store, third, StartTask(1), FreezeAudience(0, {}), CompleteTask())

    async def found(query: str) -> list[int]:
        reply = await client.get(f"/task?{query}")
        assert reply.headers["X-Total-Count"] == str(len(reply.json))
        return [task["id"] for task in reply.json]

    assert await found("") == [first, second, third]
    assert await found(f"id={second}") == [second]
    assert await found("cancelled=TRUE") == [second]
    assert await found("cancelled=0&completed=false") == [first]
    assert await found("completed=1") == [third]
    assert await found("channel=email&name=third") == [third]
    assert await found("channel=sms") == []
    assert await found(f"list_id={other}") == [second]
    assert await found("list_id=") == []
    assert await found(f"message_id={message}") == [third]


@pytest.mark.parametrize(
    "query",
    [
        "size=1",
        "id=true",
        "id=1&id=2",
        "cancelled=yes",
        "count=0",
        "count=1001",
        "sort=size",
        "start=x",
        "start=WzJd",
        "name=%00",
        "id[]=1",
        "name=%ff",
    ],
)
async def test_an_unknown_or_odd_query_is_refused(client: Client, query: str) -> None:
    assert (await client.get(f"/task?{query}")).status == 400


@pytest.mark.parametrize("sort", ["id", "name", "scheduledtime", "endtime", "cdate"])
@pytest.mark.parametrize("sign", ["", "-"])
async def test_pages_in_every_order_show_each_task_once(client: Client, ready: Ready, sort: str, sign: str) -> None:
    for number in range(7):
        posted = await client.post("/task", ready.task(name=f"n{number % 3}", scheduledtime=LATER - number % 4))
        if number % 2:
            await client.put(f"/task/{posted.json['id']}", {"cancelled": True})
    found: list[dict[str, Any]] = []
    path: str | None = f"/task?sort={sign}{sort}&count=2&channel=email"
    while path:
        page = await client.get(path)
        assert page.headers["X-Total-Count"] == "7"
        found += page.json
        link = page.headers.get("Link")
        path = link[1 : link.index(">")] if link else None

    assert len({task["id"] for task in found}) == len(found) == 7
    keys = [(task[sort] is None, task[sort] or 0, task["id"]) for task in found]
    assert keys == sorted(keys, reverse=sign == "-")


async def test_a_cursor_of_another_order_is_refused(client: Client, ready: Ready) -> None:
    for _ in range(3):
        await client.post("/task", ready.task())
    link = (await client.get("/task?sort=name&count=1")).headers["Link"]
    start = link[link.index("start=") + 6 : link.index(">")]

    assert (await client.get(f"/task?sort=name&count=1&start={start}")).status == 200
    assert (await client.get(f"/task?sort=id&count=1&start={start}")).faults == {"start"}


async def test_head_is_get_without_a_body(client: Client, ready_task: int) -> None:
    for path in ("/task", f"/task/{ready_task}", f"/task/{ready_task}/contact"):
        got, head = await client.get(path), await client.send("HEAD", path)

        assert (head.status, head.data) == (200, b"")
        assert head.headers.get("X-Total-Count") == got.headers.get("X-Total-Count")
    assert (await client.send("HEAD", "/task/99")).status == 404
    assert (await client.send("HEAD", "/task?size=1")).status == 400
