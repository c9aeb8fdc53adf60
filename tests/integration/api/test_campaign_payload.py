"""The payloads of campaigns; and who sees which campaign, and may do what with it."""

from tests.integration.api.campaigning import make
from tests.integration.api.conftest import Client, Clients, Ready

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_payloads_are_added_changed_and_removed(client: Client, ready: Ready) -> None:
    made = await make(client, ready)
    path = f"/campaign/{made['id']}/payload"
    text = (await client.post("/message", {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"})).json["id"]
    email = await client.post(path, {"channel": "email", "message_id": ready.message_id})
    form = f"channel=sms&message_id={text}".encode()
    sms = await client.post(path, form, headers=FORM)
    both = [email.json, sms.json]

    assert [email.status, sms.status] == [201, 201]
    assert email.json == {"id": email.json["id"], "channel": "email", "message_id": ready.message_id}
    assert (await client.get(path)).json == (await client.get(f"/campaign/{made['id']}")).json["payloads"] == both
    assert (await client.get(sms.headers["Location"])).json == sms.json
    assert (await client.post(path, {"channel": "sms", "message_id": text})).status == 409
    assert (await client.post(path, {"channel": "sms", "message_id": ready.message_id})).faults == {"message_id"}
    assert (await client.post(path, {"channel": "fax"})).faults == {"channel", "message_id"}
    assert (await client.put(email.headers["Location"], {"message_id": 99})).faults == {"message_id"}
    assert (await client.send("DELETE", sms.headers["Location"])).json == sms.json
    switched = await client.put(email.headers["Location"], {"channel": "sms", "message_id": text})
    assert switched.json == {**email.json, "channel": "sms", "message_id": text}
    assert (await client.get(path)).json == [switched.json]
    assert (await client.get(sms.headers["Location"])).status == 404
    assert (await client.send("DELETE", sms.headers["Location"])).status == 404


async def test_who_sees_what(clients: Clients, client: Client, ready: Ready, domain: int) -> None:
    """A member the campaigns he created and his own messages, a reader all, and another account nothing."""
    member, reader = await clients.make(user="meg", role="member"), await clients.make(user="rita", role="reader")
    stranger = await clients.make(account="other", user="eve")
    made = await make(client, ready)
    his = await make(member, ready)
    path, payload = f"/campaign/{made['id']}", {"channel": "email", "message_id": ready.message_id}

    assert [each["id"] for each in (await member.get("/campaign")).json] == [his["id"]]
    assert (await member.get("/campaign")).headers["X-Total-Count"] == "1"
    assert [each["id"] for each in (await reader.get("/campaign")).json] == [made["id"], his["id"]]
    assert (await stranger.get("/campaign")).json == []
    for other in (member, stranger):
        assert (await other.get(path)).status == (await other.put(path, {"name": "x"})).status == 404
        assert (await other.send("DELETE", path)).status == (await other.get(f"{path}/history")).status == 404
        assert (await other.post(f"{path}/payload", payload)).status == 404
        assert (await other.get(f"{path}/payload")).status == 404
    assert (await member.post(f"/campaign/{his['id']}/payload", payload)).faults == {"message_id"}
    assert (await reader.put(path, {"name": "x"})).status == (await reader.send("DELETE", path)).status == 403
    assert (await stranger.post("/campaign", {"name": "n", "list": ready.list_id, "domain": domain})).faults == {
        "list",
        "domain",
    }
