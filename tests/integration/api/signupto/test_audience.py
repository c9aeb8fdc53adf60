"""``/v1/list``, ``/v1/subscriber`` and ``/v1/subscription`` as the clients use them."""

from hashlib import md5
from typing import Any

import pytest
import signupto

from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Ready
from tests.integration.api.signupto.conftest import Signer, ask, speak


async def refused(call: Any, **arguments: Any) -> signupto.ClientError:
    with pytest.raises(signupto.ClientError) as caught:
        await ask(call, **arguments)
    return caught.value


async def people(py: signupto.Client, **filters: Any) -> list[Any]:
    found: list[Any] = await ask(py.subscriber.get_all, **filters)
    return found


async def test_a_list_is_made_found_and_told_apart(py: signupto.Client, raw: Signer, client: Client) -> None:
    made = await ask(py.list.post, name="Club")
    again = await refused(py.list.post, name="Club")
    by_form = await raw.form("POST", "/v1/list/", name="Second", folder_id="", note="")

    assert made.data == {
        "id": made.data["id"],
        "name": "Club",
        "subscription_count": 0,
        "deletable": True,
        "cdate": made.data["cdate"],
        "mdate": made.data["cdate"],
        **dict.fromkeys(("folder_id", "note", "automation_count", "form_count", "optin")),
        **dict.fromkeys(("smsautomation_count", "smsdefault")),
    }
    assert (again.status_code, again.error_info["resource_id"]) == (409, made.data["id"])
    assert by_form.status == 202
    assert [each["name"] for each in await ask(py.list.get_all, sort="name", reverse=True, count=1)] == [
        "Second",
        "Club",
    ]
    assert (await ask(py.list.get, id=made.data["id"])).data == (await ask(py.list.get, name="Club")).data
    assert (await raw.get(f"/v1/list/{made.data['id']}")).answer == made.data
    assert (await client.get(f"/list/{made.data['id']}")).json["name"] == "Club"
    assert await ask(py.list.get_list, name="None") == []


async def test_what_would_be_lost_is_refused(py: signupto.Client) -> None:
    error = await refused(py.list.post, name="Club", note="by the river", folder_id=3)

    assert error.status_code == 400
    assert "note: " in error.error_info["message"]
    assert "folder_id: " in error.error_info["message"]


async def test_the_vendors_example_finds_a_list_with_subscriptions(py: signupto.Client, ready: Ready) -> None:
    assert [each["subscription_count"] for each in await ask(py.list.get_all)] == [3]


async def test_a_subscriber_is_made_with_a_subscription(py: signupto.Client, client: Client, ready: Ready) -> None:
    made = await ask(
        py.subscriber.post,
        list_id=ready.list_id,
        email="Ann@Example.com",
        msisdn="447700900999",
        firstname="Ann",
        confirmed=False,
    )
    native = await client.get(f"/list/{ready.list_id}/subscriber/{made.data['id']}")

    assert made.data == {
        "id": made.data["id"],
        "email": "Ann@Example.com",
        "msisdn": "447700900999",
        "firstname": "Ann",
        "emailmd5": md5(b"ann@example.com").hexdigest(),
        "emailsuspended": False,
        "lastname": None,
        "cdate": native.json["cdate"],
        "mdate": None,
    }
    assert (native.json["telephone"], native.json["confirmed"], native.json["source"]) == (
        "+447700900999",
        False,
        "api",
    )
    assert native.json["vars"] == {"firstname": "Ann"}
    for filters in ({"id": made.data["id"]}, {"email": "ann@example.COM"}, {"msisdn": "447700900999"}):
        assert await people(py, **filters) == [made.data]
    assert await people(py, msisdn="+447700900999") == [made.data]
    assert (await raw_of(client).get(f"/v1/subscriber/{made.data['id']}")).answer == made.data


def raw_of(client: Client) -> Signer:
    assert client.created is not None
    return Signer(client.url, client.created)


async def test_who_is_known_is_a_conflict_and_is_left_as_he_is(
    py: signupto.Client, client: Client, ready: Ready, database: Database
) -> None:
    other = (await ask(py.list.post, name="Other")).data["id"]
    [known] = await people(py, email="p1@example.com")
    before = await database.fetch("SELECT * FROM subscriber ORDER BY id")
    error = await refused(py.subscriber.post, list_id=other, email="P1@example.com", firstname="New")

    assert (error.status_code, error.error_info["resource_id"]) == (409, known["id"])
    assert await database.fetch("SELECT * FROM subscriber ORDER BY id") == before
    assert await ask(py.subscription.get_all, list_id=other) == []


async def test_who_is_suppressed_is_a_conflict_without_a_resource(
    py: signupto.Client, client: Client, ready: Ready
) -> None:
    await client.post("/suppression", {"email": "gone@example.com"})
    error = await refused(py.subscriber.post, list_id=ready.list_id, email="gone@example.com")

    assert (error.status_code, error.error_info["resource_id"]) == (409, None)


@pytest.mark.parametrize(
    ("given", "named"),
    [({}, "list_id"), ({"email": "x"}, "email"), ({"msisdn": "0"}, "msisdn"), ({"surname": "x"}, "surname")],
)
async def test_a_bad_subscriber_names_every_fault(py: signupto.Client, given: dict[str, Any], named: str) -> None:
    error = await refused(py.subscriber.post, **given)

    assert error.status_code == 400
    assert f"{named}: " in error.error_info["message"]
    assert "list_id: is required" in error.error_info["message"]


async def test_a_suspended_address_shows(py: signupto.Client, client: Client, ready: Ready) -> None:
    await client.post("/suppression", {"email": "p1@example.com"})

    assert [each["emailsuspended"] for each in await people(py)] == [False, True, False]


@pytest.mark.parametrize("reverse", [True, False])
async def test_subscribers_page_by_id_and_by_cdate(py: signupto.Client, ready: Ready, reverse: bool) -> None:
    """Posted at once, they share their cdate."""
    by_id = [each["id"] for each in await people(py, count=1, reverse=reverse)]
    by_cdate = [each["id"] for each in await people(py, count=1, sort="cdate", reverse=reverse)]

    assert len(by_id) == 3
    assert by_id == by_cdate == sorted(by_id, reverse=reverse)


async def test_subscriptions_by_list_by_subscriber_and_by_id(py: signupto.Client, raw: Signer, ready: Ready) -> None:
    found = await ask(py.subscription.get_all, list_id=ready.list_id, count=2)
    first = found[0]
    by_subscriber = await ask(py.subscription.get, subscriber_id=first["subscriber_id"])

    assert len(found) == 3
    assert first == {
        "id": first["id"],
        "list_id": ready.list_id,
        "subscriber_id": first["subscriber_id"],
        "confirmed": True,
        "confirmationredirect": None,
        "source": None,
        "cdate": first["cdate"],
        "mdate": None,
    }
    assert by_subscriber.data == [first]
    assert (await ask(py.subscription.get, id=first["id"])).data == [first]
    assert (await raw.get(f"/v1/subscription/{first['id']}")).answer == first
    assert await ask(py.subscription.get_all, list_id=ready.list_id, count=1, reverse=True) == found[::-1]
    assert await ask(py.subscription.get_list, list_id=ready.list_id, confirmed=False) == []
    assert await ask(py.subscription.get_list, id=first["id"], list_id=ready.list_id + 1) == []
    assert (await refused(py.subscription.get)).status_code == 400


async def test_a_subscription_is_made_confirmed_and_ended(
    py: signupto.Client, client: Client, raw: Signer, ready: Ready
) -> None:
    other = (await ask(py.list.post, name="Other")).data["id"]
    person = (await people(py))[0]["id"]
    made = (await ask(py.subscription.post, list_id=other, subscriber_id=person, confirmed=False)).data
    twice = await refused(py.subscription.post, list_id=other, subscriber_id=person)
    confirmed = await ask(py.subscription.put, id=made["id"], confirmed=True)
    by_form = await raw.form("PUT", f"/v1/subscription/{made['id']}", confirmed=1)
    back = await refused(py.subscription.put, id=made["id"], confirmed=False)
    ended = await ask(py.subscription.delete, id=made["id"])
    native = (await client.get(f"/list/{other}/subscriber/{person}")).json

    assert (made["confirmed"], made["source"]) == (False, "api")
    assert (twice.status_code, twice.error_info["resource_id"]) == (409, made["id"])
    assert confirmed.data == [{**made, "confirmed": True}]
    assert by_form.answer == {**made, "confirmed": True}
    assert (back.status_code, back.error_info["resource_id"]) == (409, made["id"])
    assert ended.data == [{"id": made["id"]}]
    assert native["ended"] is not None
    assert await ask(py.subscription.get_list, id=made["id"]) == []
    assert await ask(py.subscription.delete_any, id=made["id"]) == []
    brought_back = await refused(py.subscription.post, list_id=other, subscriber_id=person)
    assert brought_back.status_code == 409
    assert (await client.get(f"/suppression?list_id={other}")).json[0]["reason"] == "unsubscribed"


async def test_a_subscription_is_ended_by_list_and_subscriber_or_by_the_path(
    py: signupto.Client, raw: Signer, ready: Ready
) -> None:
    first, second, third = await ask(py.subscription.get_all, list_id=ready.list_id)
    by_both = await ask(py.subscription.delete, list_id=ready.list_id, subscriber_id=first["subscriber_id"])
    by_path = await raw.get(f"/v1/subscription/{second['id']}", method="DELETE")

    assert (by_both.data, by_path.answer) == ([{"id": first["id"]}], [{"id": second["id"]}])
    assert (await refused(py.subscription.delete, list_id=ready.list_id)).status_code == 400
    assert await ask(py.subscription.get_all, list_id=ready.list_id) == [third]


async def test_a_subscription_is_of_a_list_and_a_subscriber_of_the_account(
    py: signupto.Client, stranger: Client, ready: Ready
) -> None:
    assert stranger.created is not None
    other = speak(stranger.url, stranger.created)
    [first, *_] = await ask(py.subscription.get_all, list_id=ready.list_id)
    error = await refused(other.subscription.post, list_id=ready.list_id, subscriber_id=first["subscriber_id"])
    own = (await ask(other.list.post, name="Own")).data["id"]
    half = await refused(other.subscription.post, list_id=own, subscriber_id=first["subscriber_id"])

    assert (error.status_code, half.status_code) == (400, 400)
    assert await people(other) == []
    assert await ask(other.subscription.get_list, id=first["id"]) == []
    assert await ask(other.subscription.delete_any, id=first["id"]) == []
    assert (await refused(other.subscription.put, id=first["id"], confirmed=True)).status_code == 404
    assert len(await ask(py.subscription.get_all, list_id=ready.list_id)) == 3
