"""Thousands of suppressions at once: as JSON, as lines of it, and as a CSV file."""

from typing import Any

import pytest

from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Ready


async def listed(client: Client) -> list[tuple[str, str]]:
    """(address, reason) of each, in their order."""
    found = (await client.get("/suppression")).json
    return sorted((line.get("email") or line.get("telephone"), line["reason"]) for line in found)


async def test_many_are_recorded_line_by_line(client: Client, ready: Ready, database: Database) -> None:
    """What is wrong with one keeps no other from being recorded; one event tells of all."""
    await client.post("/suppression", {"email": "known@x.org"})
    reply = await client.post(
        "/suppression",
        [
            {"email": "a@x.org"},
            {"email": "KNOWN@x.org"},
            {"email": "A@x.org"},
            {"email": "odd", "reason": "x"},
            {"telephone": "+447700900123", "list_id": 99},
            "text",
            {"telephone": "+447700900123", "reason": "opted_out"},
        ],
    )

    assert reply.status == 200
    assert {name: reply.json[name] for name in ("created", "existing", "failed")} == {
        "created": 2,
        "existing": 2,
        "failed": 3,
    }
    assert [(error["line"], error["field"]) for error in reply.json["errors"]] == [
        (4, "email"),
        (4, "reason"),
        (5, "list_id"),
        (6, ""),
    ]
    events = await database.fetch("SELECT data FROM event WHERE type = 'list.subscribers_suppressed' ORDER BY position")
    assert [len(event["data"]["suppressions"]) for event in events] == [1, 2]


async def test_ten_thousand_at_once(client: Client) -> None:
    """And not one more."""
    lines = [{"email": f"p{number}@x.org"} for number in range(10_000)]

    assert (await client.post("/suppression", lines)).json["created"] == 10_000
    assert (await client.post("/suppression", lines)).json["existing"] == 10_000
    assert (await client.post("/suppression", [*lines, {"email": "one@x.org"}])).status == 400


async def test_lines_of_json_do_as_well(client: Client) -> None:
    body = b'{"email": "a@x.org"}\n\n{broken\n{"email": "b@x.org"}'
    answer = (await client.post("/suppression", body, headers={"Content-Type": "application/x-ndjson"})).json

    assert (answer["created"], answer["failed"], answer["errors"][0]["line"]) == (2, 1, 3)


async def post_csv(client: Client, data: bytes) -> Any:
    return await client.post("/suppression", data, headers={"Content-Type": "text/csv; charset=utf-8"})


async def test_a_csv_file_does_as_well(client: Client, ready: Ready) -> None:
    """By its header, in any order; an empty cell is not given, and lines are numbered as they stand."""
    reply = await post_csv(
        client,
        b'\xef\xbb\xbfEmail,reason,list_id,telephone,detail\r\na@x.org,complaint,,,"said ""no"",\r\ntwice"\r\n'
        b"b@x.org,unsubscribed,1\r\n\r\nc@x.org,,,,,,\r\n,manual,,+44 7700 900123,\r\nodd,,,,\r\n",
    )
    answer = reply.json

    assert (reply.status, answer["created"], answer["failed"]) == (200, 2, 3)
    assert [(error["line"], error["field"]) for error in answer["errors"]] == [(3, "detail"), (6, ""), (8, "email")]
    assert await listed(client) == [("+447700900123", "manual"), ("b@x.org", "unsubscribed")]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"\r\na@x.org\r\n", "", id="no header"),
        pytest.param(b"email,name\r\na@x.org,Ann\r\n", "name", id="an unknown column"),
        pytest.param(b"email,email\r\na@x.org,a@x.org\r\n", "", id="a column twice"),
        pytest.param(b"email\r\n\xff@x.org\r\n", "", id="not UTF-8"),
        pytest.param(b'email\r\n"a@x.org\r\n', "", id="a quote that does not end"),
        pytest.param(b"email\r\n" + b"a" * 200_000, "", id="a cell without end"),
    ],
)
async def test_what_is_no_csv_is_refused_whole(client: Client, data: bytes, field: str) -> None:
    reply = await post_csv(client, data)

    assert (reply.status, reply.faults) == (400, {field})
