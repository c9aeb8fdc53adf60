"""Campaigns over HTTP: created, read, changed, moved and removed, as forms and as JSON."""

from typing import Any
from urllib.parse import quote

from shared.postgres.database import Database
from tests.integration.api.campaigning import make, make_complete
from tests.integration.api.conftest import LATER, Client, Ready, count_events

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PUBLIC = "https://93.184.216.34/events?x=1&x=%31"


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
    for first, second in (("", ""), ("0", "1"), ("3", "7")):
        listed = f"segments[{first}]={segments[0]}&segments[{second}]={segments[1]}"
        made = await client.post("/campaign", f"{rest}{quote(PUBLIC, safe='')}&{listed}".encode(), headers=FORM)
        assert made.status == 201, made.json
        assert (made.json["segments"], made.json["when"], made.json["state"]) == (segments[:2], LATER, "SCHEDULED")
        assert made.json["event_callback"] == PUBLIC


async def test_an_empty_field_of_a_form_is_nothing(
    client: Client, ready: Ready, domain: int, segments: list[int]
) -> None:
    wish = {"segments": segments[:1], "domain": domain, "when": LATER, "event_callback": PUBLIC}
    path = f"/campaign/{(await make(client, ready, state='SCHEDULED', **wish))['id']}"
    cleared = await client.put(path, b"segments[]=&event_callback=", headers=FORM)
    drafted = await client.put(path, b"state=DRAFT&when=&domain=", headers=FORM)

    assert (cleared.status, cleared.json["segments"], cleared.json["event_callback"]) == (200, [], None)
    assert (drafted.status, drafted.json["when"], drafted.json["domain"]) == (200, None, None)


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
    "before the year 1": ({"when": -62135596801}, {"when"}),
    "before anything Postgres can store": ({"when": -253402300799}, {"when"}),
    "after the year 9999": ({"when": "9999-12-31T23:00:00-05:00"}, {"when"}),
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


async def test_the_description_has_examples(client: Client) -> None:
    described = (await client.get("/openapi.json")).json["components"]["schemas"]

    for name in ("NewCampaign", "CampaignChange", "NewPayload", "PayloadChange", "CampaignAnswer"):
        assert described[name]["examples"], name
