"""``/v1/task`` as PyPI's client and the shapes of the others use it."""

from typing import Any

import pytest
import signupto

from shared.domain.task import CompleteTask, FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from tests.integration.api.conftest import LATER, Client, Ready, drive
from tests.integration.api.signupto.conftest import Signer, ask, speak

SEED = {
    *("id", "cancelled", "channel", "completed", "emailuniquebounces", "emailuniqueclicks", "emailuniqueopens"),
    *("emailuniqueunsubscriptions", "emailuniquecomplaints", "endtime", "list_id", "message_id", "name", "rate"),
    *("scheduledtime", "search_id", "size", "smsuniquebounces", "splittest_id", "cdate"),
}


async def make(py: signupto.Client, ready: Ready, **given: Any) -> Any:
    return (await ask(py.task.post, **ready.task(**given))).data


async def test_a_task_is_made_read_changed_and_cancelled(py: signupto.Client, ready: Ready) -> None:
    made = await ask(py.task.post, **ready.task(rate=5000))
    task_id = made.data["id"]
    read = await ask(py.task.get, id=task_id)
    renamed = await ask(py.task.put, id=task_id, name="Newer")
    cancelled = await ask(py.task.put, id=task_id, cancelled=True)

    assert set(made.data) >= SEED
    assert (made.data["size"], made.data["rate"], made.count, made.next) == (3, 5000, 1, None)
    assert made.data["emailuniqueopens"] == 0
    assert made.data["smsuniquebounces"] is None
    assert read.data == [made.data]
    assert [task["name"] for task in renamed.data] == ["Newer"]
    assert [task["cancelled"] for task in cancelled.data] == [True]


async def test_it_is_the_same_resource_as_the_native_one(client: Client, py: signupto.Client, ready: Ready) -> None:
    made = await make(py, ready)

    assert (await client.get(f"/task/{made['id']}")).json == made


async def test_an_id_in_the_path_gives_an_object_and_one_in_the_query_an_array(raw: Signer, ready_task: int) -> None:
    path = f"/v1/task/{ready_task}"

    assert (await raw.get(path)).answer["id"] == ready_task
    assert (await raw.get(f"{path}/")).answer["id"] == ready_task
    assert [task["id"] for task in (await raw.get("/v1/task", f"?id={ready_task}")).answer] == [ready_task]
    assert [task["id"] for task in (await raw.get("/v1/task/", f"?id={ready_task}")).answer] == [ready_task]
    assert (await raw.form("PUT", path, name="A")).answer["name"] == "A"
    assert [task["name"] for task in (await raw.form("PUT", "/v1/task", id=ready_task, name="B")).answer] == ["B"]
    asked = await raw.json("PUT", "/v1/task", f"?id={ready_task}", name="C")
    assert [task["name"] for task in asked.answer] == ["C"]


@pytest.mark.parametrize("form", [True, False])
async def test_a_post_is_202_with_the_whole_task_whatever_the_body_is_made_of(
    raw: Signer, ready: Ready, form: bool
) -> None:
    send = raw.form if form else raw.json
    made = await send("POST", "/v1/task", **{name: str(value) for name, value in ready.task(rate=7).items()})

    assert made.status == 202
    assert made.headers["content-type"] == "application/json"
    assert (made.answer["scheduledtime"], made.answer["rate"]) == (LATER, 7)
    assert (made.response["count"], made.response["next"]) == (1, None)


async def test_json_under_the_type_of_a_form_is_json(raw: Signer, ready: Ready) -> None:
    """As an HTTP library does that was told no type."""
    import json

    headers = {"Content-Type": "application/x-www-form-urlencoded", **raw.sign("POST", "/v1/task")}

    assert (await raw.send("POST", "/v1/task", headers, json.dumps(ready.task()).encode())).status == 202


async def test_nothing_found_is_404(py: signupto.Client, raw: Signer, ready: Ready) -> None:
    with pytest.raises(signupto.ObjectNotFound) as caught:
        await ask(py.task.get)

    assert caught.value.error_info["code"] == 404
    assert await ask(py.task.get_all) == []
    assert await ask(py.task.get_list) == []
    assert (await raw.get("/v1/task/1")).response["code"] == 404
    assert (await raw.form("PUT", "/v1/task", id=1, name="x")).response["code"] == 404
    assert (await raw.get("/v1/nothing")).response["code"] == 404


async def test_head_says_whether_there_is_one(py: signupto.Client, raw: Signer, ready_task: int) -> None:
    assert await ask(py.task.head, id=ready_task) is None
    assert isinstance(await ask(py.task.head, id=ready_task + 1), signupto.ObjectNotFound)
    there, gone = await raw.get(f"/v1/task/{ready_task}", method="HEAD"), await raw.get("/v1/task/99", method="HEAD")
    assert (there.status, there.data, gone.status, gone.data) == (200, b"", 404, b"")


async def test_a_task_cannot_be_deleted(py: signupto.Client, raw: Signer, ready_task: int) -> None:
    with pytest.raises(signupto.ClientError) as caught:
        await ask(py.task.delete, id=ready_task)
    reply = await raw.get(f"/v1/task/{ready_task}", method="DELETE")

    assert caught.value.status_code == 405
    assert (reply.response["code"], reply.headers["allow"]) == (405, "GET, HEAD, PUT")


async def test_a_conflict_names_the_resource(
    py: signupto.Client, raw: Signer, store: PostgresEventStore, ready_task: int
) -> None:
    await drive(store, ready_task, StartTask(1), FreezeAudience(0, {}), CompleteTask())
    with pytest.raises(signupto.ClientError) as caught:
        await ask(py.task.put, id=ready_task, cancelled=True)

    assert (caught.value.status_code, caught.value.error_info["resource_id"]) == (409, ready_task)


@pytest.mark.parametrize("true", ["True", "true", "1", "TRUE"])
@pytest.mark.parametrize("false", ["False", "false", "0"])
async def test_flags_in_every_spelling(raw: Signer, ready_task: int, true: str, false: str) -> None:
    assert (await raw.get("/v1/task", f"?completed={false}")).status == 200
    assert (await raw.get("/v1/task", f"?completed={true}")).status == 404
    assert (await raw.form("PUT", "/v1/task", id=ready_task, cancelled=false)).answer[0]["cancelled"] is False
    assert (await raw.form("PUT", "/v1/task", id=ready_task, cancelled=true)).answer[0]["cancelled"] is True
    number = int(true == "1")
    assert (await raw.json("PUT", "/v1/task", id=ready_task, cancelled=number)).status == (200 if number else 409)


async def test_the_filters_of_the_seed(py: signupto.Client, raw: Signer, ready: Ready) -> None:
    first, second = await make(py, ready, name="A"), await make(py, ready, name="B")
    await ask(py.task.put, id=second["id"], cancelled=True)

    async def found(**filters: Any) -> list[int]:
        return [task["id"] for task in await ask(py.task.get_all, **filters)]

    both = [first["id"], second["id"]]
    assert await found(id=first["id"]) == both[:1]
    assert await found(cancelled=True) == both[1:]
    assert await found(cancelled=False) == both[:1]
    assert await found(channel="email") == both
    assert await found(channel="sms") == []
    assert await found(completed=False) == both
    assert await found(list_id=ready.list_id) == both
    assert await found(list_id="null") == await found(list_id="") == []
    assert await found(message_id=ready.message_id, name="B") == both[1:]


@pytest.mark.parametrize(
    "query",
    ["rate=5", "size=3", "nothing=1", "sort=rate", "sort=-id", "count=0", "count=x", "reverse=2", "start=x", "page=1"],
)
async def test_what_is_no_argument_is_400(raw: Signer, ready_task: int, query: str) -> None:
    reply = await raw.get("/v1/task", f"?{query}")

    assert reply.response["code"] == 400
    assert query.partition("=")[0] in reply.response["message"]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"id": 5}, "id"), ({"message_id": 99}, "message_id"), ({"channel": "sms"}, "message_id"), ({"x": 1}, "x")],
)
async def test_a_bad_post_is_400_and_names_every_fault(
    py: signupto.Client, ready: Ready, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(signupto.ClientError) as caught:
        await make(py, ready, **change)

    assert caught.value.status_code == 400
    assert f"{named}: " in caught.value.error_info["message"]


async def test_a_put_needs_an_id(raw: Signer) -> None:
    assert "id: is required" in (await raw.form("PUT", "/v1/task", name="x")).response["message"]


@pytest.mark.parametrize("sort", ["id", "name", "scheduledtime", "endtime", "cdate"])
@pytest.mark.parametrize("reverse", [True, False])
async def test_following_next_neither_repeats_nor_loses_a_task(
    py: signupto.Client, ready: Ready, sort: str, reverse: bool
) -> None:
    """Names and times tie, also over more rows than a page has; some have no end."""
    made = [
        await make(py, ready, name="ab~1 c"[: number // 3], scheduledtime=LATER + number // 4)
        for number in range(3, 15)
    ]
    for task in made[:3]:
        await ask(py.task.put, id=task["id"], cancelled=True)
    found = await ask(py.task.get_all, sort=sort, reverse=reverse, count=2)

    def place(task: Any) -> tuple[Any, int]:
        value = float("inf") if task[sort] is None else task[sort]
        return value, task["id"]

    assert len(found) == len(made)
    assert {task["id"] for task in found} == {task["id"] for task in made}
    if sort != "name":  # the order of text is the database's
        assert [task["id"] for task in found] == [task["id"] for task in sorted(found, key=place, reverse=reverse)]


async def test_start_is_a_value_that_need_not_exist(py: signupto.Client, ready: Ready) -> None:
    made = [await make(py, ready, name=name) for name in ("alpha", "beta", "gamma")]

    async def names(**arguments: Any) -> list[str]:
        return [task["name"] for task in (await ask(py.task.get, **arguments)).data]

    assert await names(sort="name", start="be") == ["beta", "gamma"]
    assert await names(sort="name", start="beta", reverse=True) == ["beta", "alpha"]
    assert await names(start=made[1]["id"]) == ["beta", "gamma"]
    assert await names(sort="cdate", start=made[1]["cdate"]) == ["beta", "gamma"]
    first = await ask(py.task.get, sort="name", count=1)
    assert (first.next, first.count) == ("beta", 1)
    latest = await ask(py.task.get, channel="email", sort="cdate", reverse=1, count=1, completed=0)
    assert [task["name"] for task in latest.data] == ["gamma"]


async def test_next_names_the_row_where_values_tie(py: signupto.Client, ready: Ready) -> None:
    made = [await make(py, ready, name="same") for _ in range(3)]

    assert (await ask(py.task.get, sort="name", count=1)).next == f"same~{made[1]['id']}"
    assert (await ask(py.task.get, sort="endtime", count=1)).next == f"null~{made[1]['id']}"


async def test_another_account_sees_nothing(stranger: Client, ready_task: int) -> None:
    assert stranger.created is not None
    other = speak(stranger.url, stranger.created)

    assert await ask(other.task.get_all) == []
    assert isinstance(await ask(other.task.head, id=ready_task), signupto.ObjectNotFound)
    with pytest.raises(signupto.ObjectNotFound):
        await ask(other.task.put, id=ready_task, name="mine")


async def test_a_repeat_with_the_same_key_makes_one_task(raw: Signer, ready: Ready) -> None:
    import json

    body = json.dumps(ready.task()).encode()
    replies = [
        await raw.send(
            "POST",
            path,
            {"Idempotency-Key": "k1", "Content-Type": "application/json", **raw.sign("POST", path)},
            body,
        )
        for path in ("/v1/task", "/v1/task/")
    ]

    assert [reply.status for reply in replies] == [202, 202]
    assert replies[0].data == replies[1].data
    assert (await raw.get("/v1/task")).response["count"] == 1
