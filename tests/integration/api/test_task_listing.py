"""Tasks found again: filters, orders and pages, compared with plain Python over all of them."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from services.api.resources.task import read
from shared.domain.task import CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Clients, Ready, Reply, drive

SORTS = ("id", "name", "scheduledtime", "endtime", "cdate")
ORDERS = tuple(sign + sort for sort in SORTS for sign in ("", "-"))
NAMES = ("a", "B", "b", "Ä", "_", "~", "100 %", "a+b&c=d", "🎉", "x  y", "null", "0", "'")
SPELLINGS = {True: ("true", "TRUE", "True", "1"), False: ("false", "FALSE", "False", "0")}

Task = dict[str, Any]


def next_page(reply: Reply) -> str | None:
    link = reply.headers.get("Link")
    assert link is None or link.endswith('>; rel="next"')
    return link[1 : link.index(">")] if link else None


async def all_pages(client: Client, path: str | None) -> list[Task]:
    found: list[Task] = []
    while path:
        page = await client.get(path)
        found += page.json
        path = next_page(page)
    return found


def place(task: Task, sort: str) -> tuple[bool, Any, int]:
    """What has not ended is behind all that has."""
    return task[sort] is None, task[sort] or "" if sort == "name" else task[sort] or 0, task["id"]


async def make_all_sorts(client: Client, ready: Ready, store: PostgresEventStore) -> list[Task]:
    """Tasks of both channels in every state, to lists and to a search, with names and times that tie."""
    lists = [ready.list_id, (await client.post("/list", {"name": "Others"})).json["id"]]
    search = (await client.post("/search", {"name": "All", "query": {"criteria": ["valid"]}})).json["id"]
    text = {"channel": "sms", "name": "Text", "sender": "Acme", "body": "Hi"}
    messages = {"email": [ready.message_id, (await client.post("/message", EMAIL_MESSAGE)).json["id"]]}
    messages["sms"] = [(await client.post("/message", text)).json["id"]]
    draw = random.Random(7)
    for number in range(40):
        channel = draw.choice(["email", "email", "sms"])
        target = {"list_id": None, "search_id": search} if number % 5 == 0 else {"list_id": draw.choice(lists)}
        given = {
            "name": NAMES[number % len(NAMES)],
            "scheduledtime": LATER + draw.randrange(3) + number % 2 / 1_000_000,
        }
        wish = ready.task(channel=channel, message_id=draw.choice(messages[channel]), **target, **given)
        task_id = (await client.post("/task", wish)).json["id"]
        if number % 3 == 0:
            await client.put(f"/task/{task_id}", {"cancelled": True})
        if number % 3 == 1:
            await drive(store, task_id, StartTask(1), FreezeAudience(0, {}), CompleteTask())
    tasks = await all_pages(client, "/task?count=1000")
    assert len(tasks) == 40
    return tasks


def draw_filters(draw: random.Random, tasks: list[Task]) -> dict[str, tuple[str, Any]]:
    """Some of those there are, of values that some task has: as the query spells it, and as it is."""
    one = draw.choice(tasks)
    spelled: dict[str, Callable[[Any], str]] = {
        **dict.fromkeys(("id", "message_id", "channel", "name"), str),
        **dict.fromkeys(("cancelled", "completed"), lambda value: draw.choice(SPELLINGS[value])),
        "list_id": lambda value: draw.choice(["", "null"]) if value is None else str(value),
    }
    chosen = [name for name in spelled if draw.random() < (0.1 if name in ("id", "name") else 0.3)]
    return {name: (spelled[name](one[name]), one[name]) for name in chosen}


@pytest.mark.parametrize("most_gathered", [0, 10, 20_000], ids=["walked", "both", "gathered"])
async def test_every_filter_and_order_finds_what_fits(
    client: Client, ready: Ready, store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch, most_gathered: int
) -> None:
    """Combined at random, page by page; the count and the order are those of plain Python."""
    monkeypatch.setattr(read, "MOST_GATHERED", most_gathered)
    tasks, draw = await make_all_sorts(client, ready, store), random.Random(most_gathered)
    for number in range(120):
        order, filters = ORDERS[number % len(ORDERS)], draw_filters(draw, tasks)
        query = "&".join(f"{name}={quote(spelled, safe='')}" for name, (spelled, _) in filters.items())
        fitting = [task for task in tasks if all(task[name] == value for name, (_, value) in filters.items())]
        expected = sorted(fitting, key=lambda task: place(task, order.removeprefix("-")), reverse=order.startswith("-"))
        first = f"/task?sort={order}&count={draw.choice([1, 3, 40])}&{query}".rstrip("&")

        assert (await client.get(first)).headers["X-Total-Count"] == str(len(fitting)), first
        assert [task["id"] for task in await all_pages(client, first)] == [task["id"] for task in expected], first


async def test_a_member_s_listing_is_the_same_of_his_own(
    client: Client, clients: Clients, ready: Ready, store: PostgresEventStore
) -> None:
    """Filtered, sorted, counted and paged among the tasks of his messages, whoever posted them."""
    await make_all_sorts(client, ready, store)
    member = await clients.make(user="mia", role="member")
    own = (await member.post("/message", EMAIL_MESSAGE)).json["id"]
    for number in range(5):
        await (client if number % 2 else member).post("/task", ready.task(message_id=own, name=f"n{number // 2}"))
    mine = [task["id"] for task in await all_pages(client, f"/task?message_id={own}")]

    assert len(mine) == 5
    for query in ("", "cancelled=false&", "channel=email&", f"list_id={ready.list_id}&"):
        assert [task["id"] for task in await all_pages(member, f"/task?{query}sort=-name&count=2")] == mine[::-1]
        assert (await member.get(f"/task?{query}count=1")).headers["X-Total-Count"] == "5"
    assert (await member.get("/task?cancelled=true")).headers["X-Total-Count"] == "0"
    assert (await member.get(f"/task?message_id={ready.message_id}")).json == []


REFUSED = (
    *((f"{name}=1", name) for name in ("size", "rate", "search_id", "splittest_id", "endtime", "cdate", "paused")),
    *(
        (f"sort={name}", "sort")
        for name in ("size", "channel", "list_id", "message_id", "-rate", "--id", "%2Bid", "ID", "")
    ),
    *((f"{name}=yes", name) for name in ("id", "cancelled", "channel", "completed", "list_id", "message_id")),
    ("cancelled=", "cancelled"),
    ("id=true", "id"),
    ("id=0", "id"),
    ("message_id=9223372036854775808", "message_id"),
    ("name=%00", "name"),
    ("count=0", "count"),
    ("count=1001", "count"),
    ("count=-1", "count"),
    ("count=", "count"),
    ("start=x", "start"),
    ("start=WzJd", "start"),
)


async def test_what_cannot_be_asked_for_is_refused_by_its_name(client: Client) -> None:
    """Also what only other attributes can do; and each of several."""
    for query, fault in REFUSED:
        reply, both = await client.get(f"/task?{query}"), await client.get(f"/task?{query}&nothing=1")
        assert (reply.status, reply.faults) == (400, {fault}), query
        assert (both.status, both.faults | {fault}) == (400, {fault, "nothing"}), query
    for query in ("id=1&id=2", "id[]=1", "name=%ff", "name=a&x[=1"):
        assert (await client.get(f"/task?{query}")).status == 400


async def test_a_page_has_as_many_as_asked_for_200_by_itself_1000_at_most(
    client: Client, ready: Ready, ready_task: int, database: Database
) -> None:
    """And knows whether there are more."""
    columns = (
        "account_id, user_id, version, channel, name, message_id, list_id, in_doubt, scheduledtime, size, cdate,"
        " started, cancelled, completed"
    )
    await database.execute(
        f"INSERT INTO task (id, {columns}) SELECT id + n, {columns} FROM task, generate_series(1, 1000) AS n"
    )
    page = await client.get("/task?count=1")
    for query, length, more in (("", 200, True), ("?count=1000", 1000, True), ("?count=1000&sort=-name", 1000, True)):
        page = await client.get(f"/task{query}")
        assert (len(page.json), next_page(page) is not None, page.headers["X-Total-Count"]) == (length, more, "1001")
    last = await client.get(next_page(page) or "")
    assert (len(last.json), next_page(last)) == (1, None)


async def test_a_cursor_of_another_order_is_refused(client: Client, ready: Ready) -> None:
    """Instead of beginning somewhere."""
    for _ in range(3):
        await client.post("/task", ready.task())
    link = (await client.get("/task?sort=name&count=1")).headers["Link"]
    start = link[link.index("start=") + 6 : link.index(">")]

    assert (await client.get(f"/task?sort=name&count=1&start={start}")).status == 200
    for order in ("id", "-name", "endtime"):
        assert (await client.get(f"/task?sort={order}&count=1&start={start}")).faults == {"start"}


async def test_paging_neither_repeats_nor_loses_a_task_while_others_come_and_change(
    client: Client, ready: Ready
) -> None:
    """Names and times tie. What keeps its place is shown once; id and cdate never change, so there all are."""
    for order in ORDERS:
        list_id = (await client.post("/list", {"name": order})).json["id"]
        draw, sort = random.Random(order), order.removeprefix("-")
        still = [await post_tied(client, ready, list_id, draw) for _ in range(9)]
        moving = [await post_tied(client, ready, list_id, draw) for _ in range(6)]
        seen: Counter[int] = Counter()
        path: str | None = f"/task?sort={order}&count=3&list_id={list_id}"
        while path:
            page = await client.get(path)
            seen.update(task["id"] for task in page.json)
            path, changed = next_page(page), moving[len(seen) % len(moving)]
            wish = draw.choice([{"name": "c"}, {"cancelled": True}, {"scheduledtime": LATER + 5}])
            # Two for each page of three: also where the new ones lie ahead there is an end.
            news = [post_tied(client, ready, list_id, draw) for _ in range(2)]
            await asyncio.gather(client.put(f"/task/{changed}", wish), *news)

        kept = still + moving if sort in ("id", "cdate") else still
        assert {task_id: seen[task_id] for task_id in kept} == dict.fromkeys(kept, 1), order
        assert {task_id for task_id, times in seen.items() if times > 1} <= set(moving), order


async def post_tied(client: Client, ready: Ready, list_id: int, draw: random.Random) -> int:
    name, time = draw.choice(["a", "b"]), LATER + draw.randrange(2)
    return int((await client.post("/task", ready.task(list_id=list_id, name=name, scheduledtime=time))).json["id"])


async def test_head_is_get_without_a_body(client: Client, ready: Ready, ready_task: int) -> None:
    """The same status and headers, of the collection with filters and pages and of one task."""
    await client.post("/task", ready.task())
    paths = ("/task", "/task?count=1&sort=-name", "/task?cancelled=1", "/task?size=1", "/task?start=x")
    for path in (*paths, f"/task/{ready_task}", f"/task/{ready_task}/contact", "/task/99"):
        got, head = await client.get(path), await client.send("HEAD", path)

        assert (head.status, head.data) == (got.status, b"")
        for name in ("X-Total-Count", "Link", "Content-Type", "Content-Length"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


async def test_nothing_found_is_an_empty_array(client: Client, ready_task: int) -> None:
    """With a count of none and no next page; of one task it is 404."""
    for query in ("id=99", "name=x", "channel=sms", "list_id=null", "message_id=99", "completed=1"):
        reply = await client.get(f"/task?{query}")
        assert (reply.status, reply.data, reply.headers["X-Total-Count"], next_page(reply)) == (200, b"[]", "0", None)
    assert (await client.get("/task/99")).status == 404
