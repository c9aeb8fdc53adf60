"""Each attribute of a task as it is documented: who sets it, when it changes, what it says at the end."""

import pytest

from shared.domain.delivery import Kind
from shared.domain.task import CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.integration.api.conftest import LATER, Client, Ready, drive
from tests.integration.api.test_contact import Sending
from tests.integration.tracker.running_projectors import project_all

Given = dict[str, object]

EMAIL_COUNTS = {
    "emailuniquebounces": Kind.BOUNCED,
    "emailuniqueclicks": Kind.CLICKED,
    "emailuniqueopens": Kind.OPENED,
    "emailuniqueunsubscriptions": Kind.UNSUBSCRIBED,
    "emailuniquecomplaints": Kind.COMPLAINED,
}
COUNTS = {**EMAIL_COUNTS, "smsuniquebounces": Kind.BOUNCED}
TEXT = {"channel": "sms", "name": "Text", "sender": "Acme", "body": "Hi"}


async def text_task(client: Client, ready: Ready, **given: object) -> int:
    message = (await client.post("/message", TEXT)).json["id"]
    made = await client.post("/task", ready.task(channel="sms", message_id=message, **given))
    return int(made.json["id"])


async def test_each_count_of_an_email_is_live_and_unique(
    client: Client, database: Database, store: PostgresEventStore, ready_task: int
) -> None:
    """Each has a number of its own, so that none stands in for another; who did it twice counts once."""
    sending = Sending(database, store, ready_task)
    await sending.freeze(6)
    for members, kind in enumerate(EMAIL_COUNTS.values(), start=1):
        await sending.record(kind, [*range(members), 0])
    await project_all(database)
    expected: dict[str, int | None] = {name: members for members, name in enumerate(EMAIL_COUNTS, start=1)}
    expected["smsuniquebounces"] = None

    for task in ((await client.get(f"/task/{ready_task}")).json, (await client.get("/task")).json[0]):
        assert {name: task[name] for name in COUNTS} == expected
    await sending.record(Kind.OPENED, [5])
    await project_all(database)
    assert (await client.get(f"/task/{ready_task}")).json["emailuniqueopens"] == 4


async def test_a_text_counts_its_bounces_alone(
    client: Client, database: Database, store: PostgresEventStore, ready: Ready
) -> None:
    """Whatever else was recorded: the counts of emails stay null."""
    task_id = await text_task(client, ready)
    sending = Sending(database, store, task_id)
    await sending.freeze(6)
    await sending.record(Kind.BOUNCED, [1, 2])
    await sending.record(Kind.CLICKED, [3])
    await project_all(database)

    for task in ((await client.get(f"/task/{task_id}")).json, (await client.get("/task")).json[0]):
        assert {name: task[name] for name in COUNTS} == {**dict.fromkeys(EMAIL_COUNTS), "smsuniquebounces": 2}


async def test_endtime_is_when_it_completed(client: Client, ready_task: int, store: PostgresEventStore) -> None:
    """Null until then, however far it is."""
    for commands in ((), (StartTask(1),), (FreezeAudience(0, {}),)):
        await drive(store, ready_task, *commands)
        task = (await client.get(f"/task/{ready_task}")).json
        assert (task["endtime"], task["completed"], task["cancelled"]) == (None, False, False)
    began = clock.now()
    await drive(store, ready_task, CompleteTask())
    task = (await client.get(f"/task/{ready_task}")).json

    assert (task["completed"], task["cancelled"]) == (True, False)
    assert began - 1 <= task["endtime"] <= clock.now() + 1


@pytest.mark.parametrize("commands", [(), (StartTask(1),), (StartTask(1), FreezeAudience(0, {}))])
async def test_endtime_of_a_cancelled_task_is_the_cancellation(
    client: Client, ready_task: int, store: PostgresEventStore, commands: tuple[StartTask, ...]
) -> None:
    """At any time before completion; that its recipients come to their end afterwards changes nothing."""
    await drive(store, ready_task, *commands)
    began = clock.now()
    cancelled = (await client.put(f"/task/{ready_task}", {"cancelled": True})).json
    ended = clock.now()
    await drive(store, ready_task, CompleteTask())

    assert began - 1 <= cancelled["endtime"] <= ended + 1
    assert (await client.get(f"/task/{ready_task}")).json == cancelled
    assert (cancelled["cancelled"], cancelled["completed"]) == (True, False)


async def test_size_is_what_was_found_at_creation(
    client: Client, ready: Ready, ready_task: int, store: PostgresEventStore
) -> None:
    """Whoever comes or goes, wherever it is sent to instead, and however many there are in the end."""
    await client.post(f"/list/{ready.list_id}/subscriber", [{"email": f"new{number}@x.org"} for number in range(5)])
    other = (await client.post("/list", {"name": "Empty"})).json["id"]
    moved = (await client.put(f"/task/{ready_task}", {"list_id": other})).json
    await drive(store, ready_task, StartTask(1), FreezeAudience(8, {}), CompleteTask())
    task = (await client.get(f"/task/{ready_task}")).json

    assert (moved["list_id"], moved["size"]) == (other, 3)
    assert (task["size"], task["recipients"]) == (3, 8)
    assert (await client.post("/task", ready.task())).json["size"] == 8


async def test_what_is_fixed_at_creation_cannot_be_put(client: Client, ready_task: int) -> None:
    """Each field that a task shows and PUT does not take is refused by its name."""
    task = (await client.get(f"/task/{ready_task}")).json
    changeable = {
        "id",
        "cancelled",
        "list_id",
        "name",
        "scheduledtime",
        "search_id",
        "paused",
        "expires",
        "send_window",
    }
    reply = await client.put(f"/task/{ready_task}", task)

    assert (reply.status, reply.faults) == (400, set(task) - changeable)


async def test_a_time_past_becomes_now_also_in_a_change(client: Client, ready_task: int) -> None:
    """As in a POST; and the time it has already is no change."""
    began = clock.now()
    put = (await client.put(f"/task/{ready_task}", {"scheduledtime": 12.5})).json
    again = (await client.put(f"/task/{ready_task}", {"scheduledtime": put["scheduledtime"], "name": "Again"})).json

    assert began - 1 <= put["scheduledtime"] <= clock.now() + 1
    assert (again["scheduledtime"], again["name"]) == (put["scheduledtime"], "Again")


async def test_a_decimal_time_is_kept_to_the_microsecond(client: Client, ready: Ready) -> None:
    """As it was given, not as the scheduler would round it."""
    posted = await client.post("/task", ready.task(scheduledtime=LATER + 0.123456))

    assert (await client.get(posted.headers["Location"])).json["scheduledtime"] == LATER + 0.123456


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
async def test_exactly_one_target_after_the_change(client: Client, ready: Ready, ready_task: int, form: bool) -> None:
    """From the list to a search and back, each time naming both; naming one alone leaves two."""
    search = (await client.post("/search", {"name": "All", "query": {"criteria": ["valid"]}})).json["id"]
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}

    async def put(**change: int | None) -> tuple[int, object, object]:
        said = "&".join(f"{name}={'' if value is None else value}" for name, value in change.items()).encode()
        reply = await client.put(f"/task/{ready_task}", said if form else change, headers=headers)
        shown = (await client.get(f"/task/{ready_task}")).json
        assert reply.status == 400 or reply.json == shown
        return reply.status, shown["list_id"], shown["search_id"]

    assert await put(search_id=search) == (400, ready.list_id, None)
    assert await put(list_id=None) == (400, ready.list_id, None)
    assert await put(search_id=None) == (200, ready.list_id, None)
    assert await put(list_id=None, search_id=search) == (200, None, search)
    assert await put(list_id=ready.list_id) == (400, None, search)
    assert await put(list_id=None, search_id=99) == (400, None, search)
    assert await put(list_id=ready.list_id, search_id=None) == (200, ready.list_id, None)


async def test_put_names_its_task_once_or_twice_alike(client: Client, ready: Ready, ready_task: int) -> None:
    """In the path, in the body, or in both if they agree; otherwise nothing changes."""
    other = (await client.post("/task", ready.task(name="Other"))).json["id"]
    ways: list[tuple[str, Given]] = [
        ("/task", {"id": ready_task}),
        (f"/task/{ready_task}", {}),
        (f"/task/{ready_task}", {"id": ready_task}),
    ]
    for number, (path, body) in enumerate(ways):
        put = await client.put(path, {**body, "name": f"n{number}"})
        assert (put.status, put.json["id"], put.json["name"]) == (200, ready_task, f"n{number}")
        assert (await client.put(path, body)).json == put.json
    refused = await client.put(f"/task/{ready_task}", {"id": other, "name": "x"})

    assert (refused.status, refused.faults) == (400, {"id"})
    odd: list[tuple[str, Given]] = [("/task", {}), ("/task", {"id": None}), (f"/task/{ready_task}", {"id": "1"})]
    for path, body in odd:
        assert (await client.put(path, body)).faults == {"id"}
    assert {task["name"] for task in (await client.get("/task")).json} == {"n2", "Other"}


async def test_nothing_is_deleted(client: Client, ready_task: int) -> None:
    """Each path names what it knows instead."""
    for path, allowed in (("/task", "GET, HEAD, POST, PUT"), (f"/task/{ready_task}", "GET, HEAD, PUT")):
        reply = await client.send("DELETE", path)
        assert (reply.status, reply.headers["Allow"]) == (405, allowed)
    assert (await client.get(f"/task/{ready_task}")).status == 200
