"""``/v1/splitTest`` as PyPI's client and the shapes of the others use it."""

from typing import Any

import pytest
import signupto

from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client, Ready
from tests.integration.api.signupto.conftest import Signer, ask

KNOWN = {
    *("id", "action", "criterion", "delay", "message_ids", "segmenttype", "segmentvalue", "tie", "winner_task_id"),
    *("list_id", "search_id", "scheduledtime", "cancelled", "completed", "size"),
}


@pytest.fixture
async def terms(client: Client, ready: Ready) -> dict[str, Any]:
    second = await client.post("/message", EMAIL_MESSAGE)
    return {
        "message_ids": f"{ready.message_id},{second.json['id']}",
        "list_id": ready.list_id,
        "criterion": "open",
        "action": "targetwinner",
        "delay": 4,
        "segmenttype": "percentage",
        "segmentvalue": 40,
        "scheduledtime": LATER,
    }


async def test_it_is_made_read_changed_and_cancelled(
    client: Client, py: signupto.Client, terms: dict[str, Any]
) -> None:
    made = (await ask(py.splitTest.post, **terms)).data
    read = (await ask(py.splitTest.get, id=made["id"])).data
    changed = (await ask(py.splitTest.put, id=made["id"], message_ids="2, 1", delay=0.5)).data
    cancelled = (await ask(py.splitTest.put, id=made["id"], cancelled=True)).data

    assert set(made) >= KNOWN
    assert {name: made[name] for name in terms} == terms
    assert (made["size"], made["winner_task_id"]) == (3, None)
    assert read == [made]
    assert [(test["message_ids"], test["delay"]) for test in changed] == [("2,1", 0.5)]
    assert [test["cancelled"] for test in cancelled] == [True]
    native = (await client.get(f"/splittest/{made['id']}")).json
    assert (native["message_ids"], native["cancelled"]) == ([2, 1], True), "it is the same resource"


@pytest.mark.parametrize("form", [True, False])
async def test_a_post_is_202_whatever_the_body_is_made_of(raw: Signer, terms: dict[str, Any], form: bool) -> None:
    send = raw.form if form else raw.json
    made = await send("POST", "/v1/splitTest", **terms)

    assert (made.status, made.response["count"]) == (202, 1)
    assert made.answer["message_ids"] == terms["message_ids"]
    path = f"/v1/splitTest/{made.answer['id']}"
    assert (await raw.get(path)).answer == made.answer
    assert (await send("PUT", path, segmentvalue=50)).answer["segmentvalue"] == 50


async def test_the_listing_and_what_is_not_there(py: signupto.Client, raw: Signer, terms: dict[str, Any]) -> None:
    assert (await raw.get("/v1/splitTest")).response["code"] == 404
    made = [(await ask(py.splitTest.post, **terms)).data["id"] for _ in range(5)]

    found = await ask(py.splitTest.get_all, sort="scheduledtime", reverse=True, count=2)

    assert [test["id"] for test in found] == made[::-1]
    assert (await raw.get("/v1/splitTest", "?cancelled=true")).response["code"] == 404
    assert (await raw.get("/v1/splitTest/99")).response["code"] == 404
    assert (await raw.form("PUT", "/v1/splitTest", id=99, delay=1)).response["code"] == 404
    assert "id: is required" in (await raw.form("PUT", "/v1/splitTest", delay=1)).response["message"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"message_ids": "1"}, "message_ids"),
        ({"message_ids": "1,x"}, "message_ids"),
        ({"message_ids": "1;2"}, "message_ids"),
        ({"criterion": "goal"}, "criterion"),
        ({"winner_task_id": 4}, "winner_task_id"),
    ],
)
async def test_a_bad_post_is_400_and_names_the_fault(
    raw: Signer, terms: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    reply = await raw.form("POST", "/v1/splitTest", **{**terms, **change})

    assert reply.status == 400
    assert named in reply.response["message"]


async def test_a_conflict_names_the_resource(raw: Signer, terms: dict[str, Any]) -> None:
    made = (await raw.form("POST", "/v1/splitTest", **terms)).answer["id"]
    await raw.form("PUT", "/v1/splitTest", id=made, cancelled=True)

    reply = await raw.form("PUT", "/v1/splitTest", id=made, cancelled=False)

    assert (reply.status, reply.response["resource_id"]) == (409, made)
