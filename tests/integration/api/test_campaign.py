"""Campaigns over HTTP: created, read, changed, moved and removed, as forms and as JSON."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.postgres.database import Database
from tests.integration.api.conftest import LATER, Client, Clients, Ready, count_events

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PUBLIC = "https://93.184.216.34/events?x=1&x=%31"


@pytest.fixture
async def domain(client: Client) -> int:
    """Takes bounces: DNS is not asked here."""
    made = await client.post("/domain", {"name": "bounce.example.com", "bouncing": True})
    return int(made.json["id"])


@pytest.fixture
async def segments(client: Client, ready: Ready) -> list[int]:
    """Two of the list, one of another, one of none."""
    other = (await client.post("/list", {"name": "Others"})).json["id"]
    wishes = [{"name": "s", "list_id": each, "query": {}} for each in (ready.list_id, ready.list_id, other, None)]
    return [(await client.post("/search", wish)).json["id"] for wish in wishes]


async def make(client: Client, ready: Ready, **given: Any) -> dict[str, Any]:
    made = await client.post("/campaign", {"name": "Spring", "list": ready.list_id, **given})
    assert made.status == 201, made.json
    found: dict[str, Any] = made.json
    return found


async def make_complete(client: Client, ready: Ready, domain: int, **given: Any) -> dict[str, Any]:
    """A draft that lacks nothing."""
    made = await make(client, ready, domain=domain, **{"when": LATER, **given})
    path = f"/campaign/{made['id']}/payload"
    assert (await client.post(path, {"channel": "email", "message_id": ready.message_id})).status == 201
    found: dict[str, Any] = (await client.get(f"/campaign/{made['id']}")).json
    return found


async def test_a_campaign_is_read_as_it_was_answered(
    client: Client, ready: Ready, domain: int, segments: list[int]
) -> None:
    """All of the seed's fields, and what the contract adds to them."""
    wish = {
        "name": "Spring",
        "domain": domain,
        "list": ready.list_id,
        "segments": segments[:2],
        "state": "SCHEDULED",
        "when": LATER,
        "event_callback": PUBLIC,
    }
    made = await client.post("/campaign", wish)
    read = await client.get(made.headers["Location"])

    assert made.status == 201
    assert made.json == read.json
    assert made.json == {
        **wish,
        "id": made.json["id"],
        "payloads": [],
        "tasks": [],
        "cdate": made.json["cdate"],
        "error": None,
    }


async def test_a_list_is_all_that_a_draft_needs(client: Client, ready: Ready) -> None:
    made = await make(client, ready)

    assert [made[name] for name in ("domain", "segments", "state", "when", "event_callback")] == [
        None, [], "DRAFT", None, None,
    ]  # fmt: skip


async def test_a_form_with_brackets_does_as_well(
    client: Client, ready: Ready, domain: int, segments: list[int]
) -> None:
    rest = f"name=Spring&list={ready.list_id}&domain={domain}&when={LATER}&state=SCHEDULED&event_callback="
    for listed in (
        "segments[]={0}&segments[]={1}",
        "segments[0]={0}&segments[1]={1}",
        "segments[3]={0}&segments[7]={1}",
    ):
        form = f"{rest}{quote(PUBLIC, safe='')}&{listed}"
        made = await client.post("/campaign", form.encode(), headers=FORM)
        assert made.status == 201, made.json
        assert (made.json["segments"], made.json["when"], made.json["state"]) == (segments[:2], LATER, "SCHEDULED")
        assert made.json["event_callback"] == PUBLIC
    cleared = await client.send("PUT", f"/campaign/{made.json['id']}", b"segments[]=&event_callback=", headers=FORM)
    assert (cleared.status, cleared.json["segments"], cleared.json["event_callback"]) == (200, [], None)
    drafted = await client.send("PUT", f"/campaign/{made.json['id']}", b"state=DRAFT&when=&domain=", headers=FORM)
    assert (drafted.json["when"], drafted.json["domain"]) == (None, None)


HALF_PAST_NINE = {
    1_795_512_600: 1_795_512_600,
    "2026-11-24T09:30:00Z": 1_795_512_600,
    "2026-11-24T09:30:00": 1_795_512_600,
    "2026-11-24T10:30:00+01:00": 1_795_512_600,
    "2026-11-24T04:00:00.999-0530": 1_795_512_600,
    "20261124T0930z": 1_795_512_600,
    "2026-11-24": 1_795_478_400,
}


async def test_a_time_goes_in_as_number_or_iso_8601_and_comes_out_as_number(client: Client, ready: Ready) -> None:
    for when, seconds in HALF_PAST_NINE.items():
        assert (await make(client, ready, when=when))["when"] == seconds, when
        form = f"name=n&list={ready.list_id}&when={quote(str(when))}"
        assert (await client.post("/campaign", form.encode(), headers=FORM)).json["when"] == seconds, when


FAULTY: dict[str, tuple[dict[str, Any], set[str]]] = {
    "no name": ({"name": ""}, {"name"}),
    "no such list": ({"list": 99}, {"list"}),
    "no list": ({"list": None}, {"list"}),
    "no such domain": ({"domain": 99}, {"domain"}),
    "true is no id": ({"domain": True}, {"domain"}),
    "no such segment": ({"segments": [99]}, {"segments"}),
    "a text for segments": ({"segments": "1"}, {"segments"}),
    "no ids": ({"segments": [0, "x"]}, {"segments.0", "segments.1"}),
    "too many segments": ({"segments": [1] * 101}, {"segments"}),
    "READY at once": ({"state": "READY", "when": LATER}, {"state"}),
    "a state that is none": ({"state": "draft"}, {"state"}),
    "SCHEDULED for no time": ({"state": "SCHEDULED"}, {"when"}),
    "a word for a time": ({"when": "soon"}, {"when"}),
    "a day there is not": ({"when": "2026-02-30"}, {"when"}),
    "a fraction": ({"when": 1.5}, {"when"}),
    "a number as text": ({"when": "1700000000"}, {"when"}),
    "no web address": ({"event_callback": "ftp://example.com/"}, {"event_callback"}),
    "a private address": ({"event_callback": "http://127.0.0.1/"}, {"event_callback"}),
    "a metadata address": ({"event_callback": "http://169.254.169.254/"}, {"event_callback"}),
    "a long URL": ({"event_callback": f"https://a.example/{'x' * 2048}"}, {"event_callback"}),
    "what the service says": ({"payloads": [], "id": 1}, {"payloads", "id"}),
    "all faults at once": ({"name": "", "color": 1, "when": []}, {"name", "color", "when"}),
}


async def test_every_fault_is_named(client: Client, ready: Ready, database: Database) -> None:
    before = await count_events(database)
    for name, (given, faults) in FAULTY.items():
        refused = await client.post("/campaign", {"name": "n", "list": ready.list_id, **given})
        assert (refused.status, refused.faults) == (400, faults), name
    assert await count_events(database) == before


async def test_a_segment_of_another_list_is_refused(client: Client, ready: Ready, segments: list[int]) -> None:
    wish = {"name": "n", "list": ready.list_id, "segments": segments}
    made = await make(client, ready)
    for refused in (await client.post("/campaign", wish), await client.put(f"/campaign/{made['id']}", wish)):
        assert refused.status == 400
        assert [error["message"] for error in refused.json["errors"]] == [
            f"segment {each} is not of list {ready.list_id}" for each in segments[2:]
        ]


async def test_what_is_given_changes_and_the_list_stays(
    client: Client, ready: Ready, domain: int, segments: list[int]
) -> None:
    made = await make(client, ready)
    path, other = f"/campaign/{made['id']}", (await client.post("/list", {"name": "More"})).json["id"]
    change = {"name": "Summer", "domain": domain, "segments": segments[:1], "when": LATER, "event_callback": PUBLIC}
    changed = await client.put(path, change)

    assert changed.json == {**made, **change}
    assert (await client.get(path)).json == changed.json
    assert (await client.put(path, {"list": ready.list_id})).json == changed.json
    assert (await client.put(path, {"list": other})).faults == {"list"}
    assert (await client.put(path, {"event_callback": "http://10.0.0.1/"})).faults == {"event_callback"}
    assert (await client.put(path, {"segments": None, "event_callback": None})).json["segments"] == []


async def test_ready_names_all_that_is_missing(client: Client, ready: Ready, domain: int) -> None:
    made = await make(client, ready, when=LATER, state="SCHEDULED")
    path = f"/campaign/{made['id']}"
    refused = await client.put(path, {"state": "READY"})

    assert (refused.status, refused.faults) == (409, {"payloads", "domain"})
    deaf = (await client.post("/domain", {"name": "deaf.example.com"})).json["id"]
    payload = await client.post(f"{path}/payload", {"channel": "email", "message_id": ready.message_id})
    refused = await client.put(path, {"state": "READY", "domain": deaf})
    assert (refused.status, refused.faults) == (409, {"domain"})
    assert (await client.put(path, {"state": "READY", "domain": domain})).json["state"] == "READY"
    assert (await client.send("DELETE", f"{path}/payload/{payload.json['id']}")).status == 409
    assert (await client.put(path, {"when": None})).status == 400


async def test_a_client_walks_to_and_fro(client: Client, ready: Ready, domain: int) -> None:
    made = await make_complete(client, ready, domain)
    path = f"/campaign/{made['id']}"

    async def move(state: str) -> int:
        return (await client.put(path, {"state": state})).status

    assert [await move(state) for state in ("READY", "SENDING", "DONE", "ERROR")] == [409] * 4
    assert [await move(state) for state in ("SCHEDULED", "SCHEDULED", "READY")] == [200] * 3
    assert [await move("DRAFT"), await move("SCHEDULED"), await move("DRAFT")] == [409, 200, 200]
    assert (await client.get(path)).json == made


async def test_the_removed_campaign_is_answered_once_more(client: Client, ready: Ready) -> None:
    made = await make(client, ready)
    path = f"/campaign/{made['id']}"
    removed = await client.send("DELETE", path)

    assert (removed.status, removed.json) == (200, made)
    for gone in (path, f"{path}/history", f"{path}/payload"):
        assert (await client.get(gone)).status == 404
    assert (await client.send("DELETE", path)).status == (await client.put(path, {"name": "x"})).status == 404
    assert (await client.get("/campaign")).json == []


async def test_the_pages_hold_each_campaign_once(client: Client, ready: Ready) -> None:
    made = [await make(client, ready, name=str(number)) for number in range(5)]
    first = await client.get("/campaign?count=3")
    link = first.headers["Link"].split(">")[0].removeprefix("<")
    second = await client.get(link)

    assert first.json + second.json == made
    assert first.headers["X-Total-Count"] == "5"
    assert "Link" not in second.headers
    head = await client.send("HEAD", "/campaign")
    assert (head.status, head.data, head.headers["X-Total-Count"]) == (200, b"", "5")
    assert (await client.get("/campaign?start=x&color=1")).faults == {"color"}
    assert (await client.get("/campaign?start=x")).faults == {"start"}


async def test_a_repeat_makes_no_second(client: Client, ready: Ready) -> None:
    key = {"Idempotency-Key": "once"}
    wish = {"name": "n", "list": ready.list_id}
    first, again = [await client.post("/campaign", wish, headers=key) for _ in range(2)]
    path = f"{first.headers['Location']}/payload"
    payload = {"channel": "email", "message_id": ready.message_id}
    added, added_again = [await client.post(path, payload, headers=key) for _ in range(2)]

    assert (first.status, first.json) == (again.status, again.json)
    assert len((await client.get("/campaign")).json) == 1
    assert (added.status, added.json) == (added_again.status, added_again.json)
    assert (await client.post("/campaign", {**wish, "name": "other"}, headers=key)).status == 409


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


async def test_everything_that_happened_is_told(client: Client, ready: Ready, domain: int) -> None:
    made = await make_complete(client, ready, domain)
    await client.put(f"/campaign/{made['id']}", {"state": "SCHEDULED", "event_callback": PUBLIC})
    history = (await client.get(f"/campaign/{made['id']}/history")).json

    assert [each["event"] for each in history] == [
        "campaign.created", "campaign.payload_added", "campaign.callback_changed", "campaign.scheduled",
    ]  # fmt: skip
    assert [each["version"] for each in history] == [1, 2, 3, 4]
    assert history[0]["user_id"] is not None
    assert history[2]["detail"] == {"event_callback": PUBLIC}


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


async def test_the_description_has_examples(client: Client) -> None:
    described = (await client.get("/openapi.json")).json["components"]["schemas"]

    for name in ("NewCampaign", "CampaignChange", "NewPayload", "PayloadChange", "CampaignAnswer"):
        assert described[name]["examples"], name
