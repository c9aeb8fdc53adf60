"""``/v1/message``, ``/v1/emailMessage`` and ``/v1/smsMessage`` as the clients use them."""

from typing import Any

import pytest
import signupto

from tests.integration.api.conftest import Client, Clients, Ready
from tests.integration.api.signupto.conftest import Signer, ask, speak
from tests.integration.api.signupto.test_audience import refused

EMAIL = {
    "name": "Spring",
    "subject": "Hello",
    "fromname": "Acme",
    "fromemail": "news@example.com",
    "replyemail": "",
    "html": "<p>Hi {{ unsubscribe_url }}</p>",
    "text": "Hi",
    "tracktextlinks": False,
}
SMS = {"name": "Text", "fromname": "Acme", "message": "Hi {{ vars.name }}"}


async def test_an_email_is_written_read_and_edited(py: signupto.Client, client: Client, raw: Signer) -> None:
    made = (await ask(py.emailMessage.post, **EMAIL)).data
    edited = await ask(py.emailMessage.put, id=made["id"], subject="Better")
    by_form = await raw.form("PUT", f"/v1/emailMessage/{made['id']}", fromname="Club")
    native = (await client.get(f"/message/{made['id']}")).json

    extras = {"id": made["id"], "cdate": made["cdate"], "editable": True, "galinkdata": None, "friendlink": None}
    assert made == {**EMAIL, "replyemail": None, **extras}
    assert edited.data == [{**made, "subject": "Better"}]
    assert by_form.answer == {**made, "subject": "Better", "fromname": "Club"}
    assert (native["from_name"], native["subject"], native["track_clicks"], native["version"]) == (
        "Club",
        "Better",
        False,
        3,
    )
    assert (await ask(py.emailMessage.get, id=made["id"])).data == [by_form.answer]
    assert (await raw.get(f"/v1/emailMessage/{made['id']}")).answer == by_form.answer


async def test_an_sms_is_written_read_and_edited(py: signupto.Client, client: Client, raw: Signer) -> None:
    made = await raw.form("POST", "/v1/smsMessage", **SMS)
    edited = await ask(py.smsMessage.put, id=made.answer["id"], message="Bye")

    assert made.status == 202
    extras = {"id": made.answer["id"], "cdate": made.answer["cdate"], "editable": True, "subinfo": None, "used": False}
    assert made.answer == {**SMS, **extras}
    assert edited.data == [{**made.answer, "message": "Bye"}]
    assert (await client.get(f"/message/{made.answer['id']}")).json["body"] == "Bye"


async def test_the_umbrella_tells_type_and_use(py: signupto.Client, raw: Signer, ready: Ready, ready_task: int) -> None:
    sms = (await ask(py.smsMessage.post, **SMS)).data
    both = await ask(py.message.get_all, count=1)

    assert [(each["type"], each["used"], each["editable"]) for each in both] == [
        ("email", True, True),
        ("sms", False, True),
    ]
    assert [each["id"] for each in await ask(py.message.get_all, type="sms")] == [sms["id"]]
    assert [each["id"] for each in await ask(py.message.get_all, sort="name", reverse=True)] == [
        sms["id"],
        ready.message_id,
    ]
    assert (await raw.get(f"/v1/message/{sms['id']}")).answer["name"] == "Text"
    assert (await refused(py.message.post, name="x")).status_code == 405
    assert isinstance(await ask(py.message.head, id=99), signupto.ObjectNotFound)


async def test_a_message_of_the_other_channel_is_not_found(py: signupto.Client, ready: Ready) -> None:
    assert await ask(py.smsMessage.get_list, id=ready.message_id) == []
    assert (await refused(py.smsMessage.put, id=ready.message_id, message="x")).status_code == 404
    assert (await refused(py.emailMessage.put, subject="x")).status_code == 400


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fromemail": "x"}, "fromemail"),
        ({"replyemail": "x"}, "replyemail"),
        ({"subject": "{{ nothing.like_it }}"}, "subject"),
        ({"galinkdata": "x"}, "galinkdata"),
        ({"from_email": "a@example.com"}, "from_email"),
        ({"id": 5}, "id"),
        ({"html": None, "text": None}, "html"),
    ],
)
async def test_faults_are_told_in_the_words_of_the_dialect(
    py: signupto.Client, change: dict[str, Any], named: str
) -> None:
    error = await refused(py.emailMessage.post, **{**EMAIL, **change})

    assert error.status_code == 400
    assert f"{named}: " in error.error_info["message"]


async def test_a_fault_of_an_edit_is_told_in_the_words_of_the_dialect(py: signupto.Client) -> None:
    made = (await ask(py.emailMessage.post, **EMAIL)).data
    error = await refused(py.emailMessage.put, id=made["id"], fromemail=None)

    assert "fromemail: " in error.error_info["message"]
    assert "from_email" not in error.error_info["message"]


async def test_members_see_their_own_messages_alone(clients: Clients, ready: Ready) -> None:
    member = await clients.make(user="max", role="member")
    assert member.created is not None
    own = speak(member.url, member.created)

    assert await ask(own.message.get_all) == []
    assert (await refused(own.emailMessage.put, id=ready.message_id, subject="x")).status_code == 404
