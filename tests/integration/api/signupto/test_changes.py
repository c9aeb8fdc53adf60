"""What the clients change and delete below ``/v1``, and what that is in the native dialect."""

import json
from typing import Any

import pytest
import signupto
from signupto.client import Endpoint

from shared.postgres.database import Database
from tests.everything_stored import places_of
from tests.integration.api.conftest import Client, Clients, Ready
from tests.integration.api.signupto.conftest import Signer, ask, speak
from tests.integration.api.signupto.test_audience import people, refused

QUERY = '{"criteria":["match"],"field":["town"],"value":["Rome"]}'


def searches(py: signupto.Client) -> Any:
    """Of the client's own class, though it does not list this endpoint."""
    return Endpoint(py, "search")


async def test_a_list_is_renamed_and_deleted(py: signupto.Client, raw: Signer, client: Client) -> None:
    made = (await ask(py.list.post, name="Club")).data
    await ask(py.list.post, name="Taken")
    renamed = await ask(py.list.put, id=made["id"], name="Society")
    by_path = await raw.form("PUT", f"/v1/list/{made['id']}", name="Society 2", note="")
    taken = await refused(py.list.put, id=made["id"], name="Taken")
    lost = await refused(py.list.put, id=made["id"], name="x", note="by the river")
    gone = await ask(py.list.delete, id=made["id"])

    assert renamed.data[0] == {**made, "name": "Society", "mdate": renamed.data[0]["mdate"]}
    assert renamed.data[0]["mdate"] > made["mdate"]
    assert by_path.answer["name"] == "Society 2"
    assert (taken.status_code, taken.error_info["resource_id"]) == (409, made["id"])
    assert lost.status_code == 400
    assert gone.data == [{"id": made["id"]}]
    assert (await client.get(f"/list/{made['id']}")).status == 404
    assert await ask(py.list.delete_any, id=made["id"]) == []
    assert (await refused(py.list.put, id=made["id"], name="x")).status_code == 404
    assert (await raw.form("PUT", "/v1/list", name="x")).status == 400
    assert (await raw.send("DELETE", "/v1/list", raw.sign("DELETE", "/v1/list"))).status == 400


async def test_a_list_with_a_task_is_not_deletable(py: signupto.Client, raw: Signer, ready_task: int) -> None:
    [found] = await ask(py.list.get_all)
    error = await refused(py.list.delete, id=found["id"])

    assert found["deletable"] is False
    assert (error.status_code, error.error_info["resource_id"]) == (409, found["id"])
    assert str(ready_task) in error.error_info["message"]
    assert (await raw.get(f"/v1/list/{found['id']}", method="DELETE")).status == 409


async def test_a_subscriber_changes(py: signupto.Client, raw: Signer, client: Client, ready: Ready) -> None:
    first, second, _ = await people(py)
    changed = await ask(
        py.subscriber.put, id=first["id"], email="New@example.com", msisdn="447700900888", firstname="Ann", lastname="A"
    )
    by_path = await raw.form("PUT", f"/v1/subscriber/{first['id']}", lastname="", msisdn="")
    taken = await refused(py.subscriber.put, id=first["id"], email=second["email"], msisdn=second["msisdn"])
    native = (await client.get(f"/subscriber/{first['id']}")).json

    [told] = changed.data
    assert (told["email"], told["msisdn"], told["firstname"], told["lastname"]) == (
        *("New@example.com", "447700900888", "Ann", "A"),
    )
    assert by_path.answer == {**told, "lastname": None, "msisdn": None}
    assert (taken.status_code, taken.error_info["resource_id"]) == (409, second["id"])
    assert "email: belongs to another subscriber" in taken.error_info["message"]
    assert (native["email"], native["telephone"], native["vars"]) == ("New@example.com", None, {"firstname": "Ann"})
    for given in ({"id": 999, "firstname": "x"}, {"id": first["id"], "email": ""}, {"id": first["id"], "msisdn": "1"}):
        assert (await refused(py.subscriber.put, **given)).status_code in (400, 404)
    assert (await refused(py.subscriber.put, firstname="x")).status_code == 400


async def test_deleting_a_subscriber_erases_the_person(
    py: signupto.Client, raw: Signer, client: Client, clients: Clients, database: Database, ready: Ready
) -> None:
    key = {**raw.sign("POST", "/v1/subscriber"), "Idempotency-Key": "k", "Content-Type": "application/json"}
    body = b'{"list_id": 1, "email": "canary@example.com", "msisdn": "447700900777", "firstname": "canary"}'
    made = await raw.send("POST", "/v1/subscriber", key, body)
    person = made.answer["id"]
    member = await clients.make(user="mia", role="member")
    assert member.created is not None
    assert (await refused(speak(member.url, member.created).subscriber.delete, id=person)).status_code == 403
    assert await places_of(database, "canary") != []

    gone = await ask(py.subscriber.delete, id=person)

    assert gone.data == [{"id": person}]
    assert await places_of(database, "canary", "7700900777") == []
    assert await people(py, id=person) == []
    again = await raw.send("POST", "/v1/subscriber", {**key, **raw.sign("POST", "/v1/subscriber")}, body)
    assert (again.status, again.answer) == (202, {"id": person})
    assert await ask(py.subscriber.delete_any, id=person) == []
    assert (await raw.get("/v1/subscriber/1", method="DELETE")).answer == [{"id": 1}]
    assert len(await people(py)) == 2


async def test_confirming_brings_back_whom_a_delete_took_off(py: signupto.Client, client: Client, ready: Ready) -> None:
    first, *_ = await ask(py.subscription.get_all, list_id=ready.list_id)
    await ask(py.subscription.delete, id=first["id"])
    assert await ask(py.subscription.get_list, id=first["id"]) == []

    back = await ask(py.subscription.put, id=first["id"], confirmed=True)

    assert back.data == [first]
    assert (await ask(py.subscription.get, id=first["id"])).data == [first]
    assert (await client.get("/suppression")).json == []
    assert (await refused(py.subscription.put, confirmed=True)).status_code == 400


@pytest.mark.parametrize(
    ("endpoint", "given"),
    [
        ("emailMessage", {"subject": "s", "fromemail": "a@b.co", "text": "t"}),
        ("smsMessage", {"fromname": "Acme", "message": "m"}),
    ],
)
async def test_a_message_is_deleted(
    py: signupto.Client, raw: Signer, client: Client, ready_task: int, endpoint: str, given: dict[str, Any]
) -> None:
    own = getattr(py, endpoint)
    made, other = (await ask(own.post, name="n", **given)).data, (await ask(own.post, name="m", **given)).data
    assert (await ask(own.delete, id=made["id"])).data == [{"id": made["id"]}]
    assert await ask(own.delete_any, id=made["id"]) == []
    assert await ask(py.message.get_list, id=made["id"]) == []
    assert (await client.get(f"/message/{made['id']}")).status == 404
    assert (await raw.get(f"/v1/{endpoint}/{other['id']}", method="DELETE")).answer == [{"id": other["id"]}]
    wrong = "smsMessage" if endpoint == "emailMessage" else "emailMessage"
    assert (await refused(getattr(py, wrong).delete, id=1 if wrong == "smsMessage" else 999)).status_code == 404
    waited_for = await refused(py.emailMessage.delete, id=1)
    assert (waited_for.status_code, waited_for.error_info["resource_id"]) == (409, 1)
    assert (await refused(own.delete)).status_code == 400


async def test_a_search_is_saved_read_changed_and_deleted(
    py: signupto.Client, raw: Signer, client: Client, ready: Ready
) -> None:
    made = (await ask(searches(py).post, name="Romans", expression=QUERY, type="audience", description="")).data
    native = (await client.get(f"/search/{made['id']}")).json
    second = (await ask(searches(py).post, name="All", expression="{}")).data
    renamed = await ask(searches(py).put, id=made["id"], name="Latins")
    by_form = await raw.form("PUT", f"/v1/search/{made['id']}", expression='{"criteria":["valid"]}')

    assert made == {
        "id": made["id"],
        "name": "Romans",
        "description": None,
        "expression": made["expression"],
        "type": "audience",
        "user_id": None,
    }
    assert native["query"] == json.loads(made["expression"])
    assert native["query"]["field"] == ["town"]
    assert (await ask(searches(py).get, id=made["id"])).data[0]["name"] == "Latins"
    assert renamed.data == [{**made, "name": "Latins"}]
    assert '"valid"' in by_form.answer["expression"]
    assert (await raw.get(f"/v1/search/{made['id']}")).answer == by_form.answer
    assert [each["id"] for each in await ask(searches(py).get_all, sort="name", count=1)] == [second["id"], made["id"]]
    assert [each["id"] for each in await ask(searches(py).get_all, name="All")] == [second["id"]]
    assert (await ask(searches(py).delete, id=second["id"])).data == [{"id": second["id"]}]
    assert await ask(searches(py).get_list, id=second["id"]) == []
    task = await ask(
        py.task.post, channel="email", search_id=made["id"], message_id=1, name="n", scheduledtime=4_000_000_000
    )
    waited_for = await refused(searches(py).delete, id=made["id"])
    assert (waited_for.status_code, waited_for.error_info["resource_id"]) == (409, made["id"])
    assert str(task.data["id"]) in waited_for.error_info["message"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"expression": "<search/>"}, "expression: must be a query as JSON"),
        ({"expression": '{"criteria":["horizon_interest"]}'}, "horizon_interest"),
        ({"expression": '{"source_list":"Nowhere"}'}, "expression: there is no list"),
        ({"expression": "{}", "name": "n" * 65}, "name: "),
        ({"expression": "{}", "description": "lost"}, "description: "),
        ({"expression": "{}", "type": "lookup"}, "type: "),
    ],
    ids=str,
)
async def test_a_bad_search_is_refused_by_name(py: signupto.Client, given: dict[str, Any], named: str) -> None:
    error = await refused(searches(py).post, **{"name": "n", **given})

    assert error.status_code == 400
    assert named in error.error_info["message"]


async def test_another_account_changes_nothing(py: signupto.Client, stranger: Client, ready: Ready) -> None:
    assert stranger.created is not None
    other = speak(stranger.url, stranger.created)
    search = (await ask(searches(py).post, name="All", expression="{}")).data["id"]
    person = (await people(py))[0]["id"]
    for endpoint, number in (("list", 1), ("subscriber", person), ("emailMessage", 1), ("search", search)):
        theirs = Endpoint(other, endpoint)
        assert await ask(theirs.delete_any, id=number) == []
        given = {"firstname": "x"} if endpoint == "subscriber" else {"name": "x"}
        assert (await refused(theirs.put, id=number, **given)).status_code == 404
    assert len(await people(py)) == 3


async def test_a_partner_is_told_that_he_is_not_known_here(raw: Signer) -> None:
    reply = await raw.send("GET", "/v1/list", {**raw.sign("GET", "/v1/list"), "X-SuT-PID": "5"})

    assert reply.status == 401
    assert reply.response["message"] == "Bad signature: partner hash is not offered: no key reaches another account"
