"""Bookings of advertising: made, read, changed, removed; and what is no booking."""

from typing import Any

import pytest

from shared.event_store.on_postgres import PostgresEventStore
from tests.integration.api.conftest import Client, Clients

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOVEMBER = {"name": "Köln ✉", "start_date": "20261101", "end_date": "20261130", "impressions_per_day": 5000}


async def test_a_booking_is_read_as_it_was_answered(client: Client) -> None:
    made = await client.post("/adplan", NOVEMBER)
    read = await client.get(made.headers["Location"])

    assert made.status == 201
    assert made.json == read.json == {"id": made.json["id"], **NOVEMBER, "cdate": made.json["cdate"]}


async def test_a_form_does_as_well_and_so_does_a_day_as_a_number(client: Client) -> None:
    body = b"name=b&start_date=20261101&end_date=20261101&impressions_per_day=7"
    posted = await client.send("POST", "/adplan", body, headers=FORM)
    number = await client.post("/adplan", {**NOVEMBER, "start_date": 20261101, "end_date": 20261101})

    assert (posted.json["start_date"], posted.json["impressions_per_day"]) == ("20261101", 7)
    assert number.json["end_date"] == "20261101"


async def test_bookings_are_listed_page_by_page(client: Client) -> None:
    for name in ("a", "b", "c"):
        await client.post("/adplan", {**NOVEMBER, "name": name})
    first = await client.get("/adplan?count=2")
    link = first.headers["Link"].split(";")[0].strip("<>")
    second = await client.get(link)

    assert [each["name"] for each in first.json + second.json] == ["a", "b", "c"]
    assert first.headers["X-Total-Count"] == "3"


async def test_what_is_given_changes(client: Client) -> None:
    made = (await client.post("/adplan", NOVEMBER)).json
    changed = await client.put(f"/adplan/{made['id']}", {"end_date": "20261101", "impressions_per_day": 0})

    assert changed.json == {**made, "end_date": "20261101", "impressions_per_day": 0}
    assert (await client.get(f"/adplan/{made['id']}")).json == changed.json


async def test_a_removed_booking_is_gone(client: Client) -> None:
    made = (await client.post("/adplan", NOVEMBER)).json
    removed = await client.send("DELETE", f"/adplan/{made['id']}")

    assert (removed.status, removed.json) == (200, made)
    assert (await client.get(f"/adplan/{made['id']}")).status == 404
    assert (await client.put(f"/adplan/{made['id']}", {"name": "x"})).status == 404
    assert (await client.send("DELETE", f"/adplan/{made['id']}")).status == 404
    assert (await client.get("/adplan")).json == []


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"start_date": "20261131"}, {"start_date"}),
        ({"start_date": "2026-11-01", "end_date": "", "name": ""}, {"start_date", "end_date", "name"}),
        ({"end_date": "20261031"}, {"end_date"}),
        ({"impressions_per_day": -1, "zone": 1}, {"impressions_per_day", "zone"}),
        ({"impressions_per_day": True, "start_date": True}, {"impressions_per_day", "start_date"}),
        ({"start_date": "١٢٣٤٥٦٧٨"}, {"start_date"}),
    ],
    ids=["no such day", "no days, no name", "an end before its start", "below 0", "true", "other digits"],
)
async def test_what_is_no_booking_is_refused(client: Client, given: dict[str, Any], faults: set[str]) -> None:
    """Every fault is named, at a POST and at a PUT, and nothing changes."""
    made = (await client.post("/adplan", NOVEMBER)).json
    posted = await client.post("/adplan", {**NOVEMBER, **given})
    put = await client.put(f"/adplan/{made['id']}", given)

    assert (posted.status, set(posted.faults)) == (400, faults)
    assert (put.status, set(put.faults)) == (400, faults)
    assert (await client.get("/adplan")).json == [made]


async def test_no_booking_of_another_account_is_reached(client: Client, clients: Clients) -> None:
    made = (await client.post("/adplan", NOVEMBER)).json
    other = await clients.make(account="Others", user="olga", role="admin")

    assert (await other.get(f"/adplan/{made['id']}")).status == 404
    assert (await other.put(f"/adplan/{made['id']}", {"name": "x"})).status == 404
    assert (await other.send("DELETE", f"/adplan/{made['id']}")).status == 404
    assert (await other.get("/adplan")).json == []


async def test_a_reader_only_reads(client: Client, clients: Clients) -> None:
    made = (await client.post("/adplan", NOVEMBER)).json
    reader = await clients.make(user="rita", role="reader")

    assert (await reader.get("/adplan")).json == [made]
    assert (await reader.post("/adplan", NOVEMBER)).status == 403
    assert (await reader.send("DELETE", f"/adplan/{made['id']}")).status == 403


async def test_a_repeated_post_books_once(client: Client) -> None:
    key = {"Idempotency-Key": "once"}
    first = await client.post("/adplan", NOVEMBER, headers=key)
    again = await client.post("/adplan", NOVEMBER, headers=key)

    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert len((await client.get("/adplan")).json) == 1


async def test_each_change_is_an_event(client: Client, store: PostgresEventStore) -> None:
    """And the same change again is none."""
    made = (await client.post("/adplan", NOVEMBER)).json
    for _ in range(2):
        await client.put(f"/adplan/{made['id']}", {"name": "other"})
    await client.send("DELETE", f"/adplan/{made['id']}")

    events = await store.read_stream(f"booking-{made['id']}")
    assert [each.type for each in events] == ["booking.added", "booking.changed", "booking.removed"]
