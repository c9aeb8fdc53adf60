"""``/job`` in every shape that existing clients send, and what it answers to what is none of them."""

import json
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from shared.domain.sailthru_signature import sign
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.conftest import World

IMPORT = {"job": "import", "list": "Main", "emails": "a@example.com"}


def _signed(caller: Caller, fields: dict[str, str]) -> str:
    given = {"api_key": caller.key, "format": "json", **fields}
    return urlencode({**given, "sig": sign(caller.secret, given.values())})


async def test_a_job_from_its_post_to_its_end(caller: Caller) -> None:
    """What both answer, to the key."""
    posted = await caller.post(**IMPORT)
    told = await caller.ended(posted)

    assert posted.status == 200
    assert set(posted.body) == {"job_id", "name", "status"}
    assert len(posted.body["job_id"]) == 24
    assert int(posted.body["job_id"], 16)
    assert posted.body["job_id"] == posted.body["job_id"].lower()
    assert (posted.body["name"], posted.body["status"]) == ("List Import: Main", "pending")
    assert set(told) >= {
        "job_id",
        "status",
        "name",
        "start_time",
        "end_time",
        "progress",
        "rows",
        "rows_failed",
        "errors",
    }
    assert parsedate_to_datetime(told["start_time"]) <= parsedate_to_datetime(told["end_time"])


async def test_every_parameter_a_field_of_its_own(caller: Caller) -> None:
    """Flat, with brackets; nothing but the values is signed."""
    await caller.done(**IMPORT)
    query = {"query[source_list]": "Main", "query[criteria][0]": "domain", "query[value][0]": "example.com"}
    fields = {"job": "update", **query, "update[lists][VIP]": "1", "update[vars][n]": "1"}

    told = await caller.ended(await caller.send("POST", data=_signed(caller, fields), form=True))

    assert told["status"] == "completed"
    assert await caller.emails("VIP") == ["a@example.com"]
    person = await caller.person("a@example.com")
    assert person is not None
    assert person["vars"] == {"n": "1"}
    flat = await caller.send("GET", query=_signed(caller, {"job_id": told["job_id"]}))
    assert flat.body["status"] == "completed"


async def test_a_key_in_the_header_will_do(caller: Caller) -> None:
    posted = await caller.with_key("POST", IMPORT)
    told = await caller.ended(posted)
    as_form = await caller.send(
        "POST", data=urlencode(IMPORT), form=True, headers={"Authorization": f"Bearer {caller.key}"}
    )

    got = await caller.with_key("GET", query=f"job_id={told['job_id']}")
    assert got.body == told
    assert (await caller.ended(as_form))["status"] == "completed"


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({**IMPORT, "report_email": False, "postback_url": None}, id="absent is false or null"),
        pytest.param({"job": "update", "emails": "a@example.com", "update": []}, id="PHP's empty update"),
        pytest.param(
            {"job": "update", "emails": "a@example.com", "update": {"vars": [], "lists": []}}, id="PHP's others"
        ),
        pytest.param({"job": "update", "emails": "a@example.com", "update": {}}, id="Java's empty update"),
        pytest.param({"job": "import", "list": "Main", "emails": ["a@example.com"]}, id="an array of emails"),
    ],
)
async def test_what_clients_leave_empty(caller: Caller, params: dict[str, Any]) -> None:
    assert (await caller.post(**params)).status == 200


async def test_parts_without_a_file(caller: Caller) -> None:
    """Java sends them always."""
    assert (await caller.send_parts(caller.fields(IMPORT), None)).status == 200


async def test_a_part_goes_before_a_path(caller: Caller) -> None:
    told = await caller.done(b"b@example.com\n", job="import", list="Main", file="/etc/passwd")

    assert told["rows"] == 1
    assert await caller.emails("Main") == ["b@example.com"]


@pytest.mark.parametrize(
    ("params", "refusal", "words"),
    [
        ({}, (400, 2), "job"),
        ({"job": "purchase_import"}, (400, 99), "purchase_import"),
        ({"job": "import", "emails": "a@b.co"}, (400, 2), "list"),
        ({"job": "import", "list": "Main"}, (400, 2), "emails, file or url"),
        ({**IMPORT, "url": "http://127.0.0.1/"}, (400, 2), "only one"),
        ({**IMPORT, "file": "/etc/passwd"}, (400, 2), "file"),
        ({"job": "import", "list": "Main", "file": "/etc/passwd"}, (400, 2), "uploaded"),
        ({**IMPORT, "colour": 1}, (400, 99), "colour"),
        ({**IMPORT, "report_email": "nobody"}, (400, 2), "report_email"),
        ({**IMPORT, "postback_url": "ftp://example.com/"}, (400, 99), "postback_url"),
        ({**IMPORT, "postback_url": "http://169.254.169.254/"}, (400, 99), "postback_url"),
        ({"job": "update", "url": "http://10.0.0.1/x"}, (400, 99), "url"),
        ({"job": "update", "emails": "a@b.co", "update": {"optout": "some"}}, (400, 2), "update.optout"),
        ({"job": "update", "emails": "a@b.co", "update": {"merged": 1}}, (400, 99), "merged"),
        ({"job": "update", "emails": "a@b.co", "update": {"lists": {"Nowhere": 0}}}, (404, 15), "Nowhere"),
        ({"job": "update", "query": {"source_list": "Nowhere"}}, (404, 15), "Nowhere"),
        ({"job": "update", "query": {"criteria": ["horizon_interest"]}}, (400, 99), "horizon_interest"),
        ({"job": "update", "emails": "a@b.co", "update": {"schedule_blast": 190940}}, (404, 13), "190940"),
    ],
    ids=str,
)
async def test_what_can_be_known_is_refused_at_once(
    caller: Caller, params: dict[str, Any], refusal: tuple[int, int], words: str
) -> None:
    """By its name and its number; and no job is left of it."""
    reply = await caller.post(**params)

    assert reply.error == refusal
    assert words in reply.body["errormsg"]
    assert await caller.database.fetch_value("SELECT count(*) FROM job WHERE account_id = $1", _account(caller)) == 0


def _account(caller: Caller) -> int:
    assert caller.native.created is not None
    return caller.native.created["account_id"]


async def test_who_signs_wrongly_is_told_so(caller: Caller) -> None:
    fields = caller.fields(IMPORT)
    stranger = {**fields, "api_key": "pr_aaaaaaaa_" + "x" * 32}
    changed = {**fields, "json": fields["json"] + " "}
    unsigned = {name: value for name, value in fields.items() if name != "sig"}
    keyless = {name: value for name, value in fields.items() if name != "api_key"}
    twice = urlencode([*fields.items(), ("json", "{}")])

    async def sent(data: str) -> tuple[int, int]:
        return (await caller.send("POST", data=data, form=True)).error

    assert await sent(urlencode(stranger)) == (401, 3)
    assert await sent(urlencode(changed)) == (401, 5)
    assert await sent(urlencode(unsigned)) == (400, 2)
    assert await sent(urlencode(keyless)) == (400, 2)
    assert await sent(twice) == (400, 99)
    assert (await caller.send("GET", query=urlencode(unsigned))).error == (400, 2)
    assert (await caller.send("GET", headers={"Authorization": "Bearer no"})).error == (401, 3)
    assert (await caller.send("POST", data="{}", headers={"Content-Type": "application/json"})).error == (401, 3)


async def test_others_see_nothing_of_a_job(world: World, caller: Caller) -> None:
    """Nor does a job of another second go by the same number."""
    job_id = (await caller.post(**IMPORT)).body["job_id"]
    other = await world.caller()

    assert (await other.get(job_id)).error == (404, 99)
    assert (await caller.get("0" * 8 + job_id[8:])).error == (404, 99)
    assert (await caller.get("x")).error == (404, 99)
    assert (await caller.get("")).error == (400, 2)


async def test_who_may_only_read_starts_nothing(world: World, caller: Caller) -> None:
    reader = await world.caller(role="reader", user="rita")

    assert (await reader.post(**IMPORT)).error == (403, 99)


async def test_the_other_methods_are_none(caller: Caller) -> None:
    assert (await caller.send("DELETE", query=urlencode(caller.fields({"job_id": "x"})))).error == (405, 1)
    assert (await caller.send("PUT")).error == (405, 1)


async def test_a_file_may_be_ten_megabytes(caller: Caller) -> None:
    line = b"a@example.com\n"
    most = 10_485_760
    file = line * (most // len(line)) + b"\n" * (most % len(line))
    assert len(file) == most

    told = await caller.done(file, job="import", list="Main")

    assert (told["rows"], told["created"]) == (most // len(line), 1)
    assert (await caller.post(file + b"\n", job="import", list="Main")).error == (413, 99)
    assert (await caller.post(file * 2, job="import", list="Main")).error == (413, 99)


async def test_every_answer_says_how_many_calls_are_left(world: World) -> None:
    """Counted for the account, over all replicas; one too many is refused until the minute is over."""
    caller = await world.caller()
    replies = [await caller.post(**IMPORT), await caller.post(job="none"), await caller.get("x")]
    replies.append(await caller.send("GET", headers={"Authorization": "Bearer no"}))

    names = ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset")
    limits = [[int(reply.headers[name]) for name in names] for reply in replies]
    assert [limit[0] for limit in limits] == [2_400, 2_400, 18_000, 18_000]
    assert all(limit[2] % 60 == 0 for limit in limits)
    await world.database.execute("UPDATE call_count SET calls = 1000000, minute = minute + interval '1 minute'")
    await world.database.execute(
        "UPDATE call_count SET minute = date_trunc('minute', clock_timestamp()) WHERE account_id = $1", _account(caller)
    )
    refused = await caller.post(**IMPORT)
    assert refused.error == (429, 43) or int(refused.headers[names[2]]) > limits[0][2]
    assert 0 < int(refused.headers.get("Retry-After", "1")) <= 60


async def test_a_repeat_is_the_same_job(caller: Caller) -> None:
    """Whatever it looks like on the wire."""
    headers = {"Idempotency-Key": "once", "Content-Type": "application/x-www-form-urlencoded"}
    first = await caller.send("POST", data=urlencode(caller.fields(IMPORT)), headers=headers)
    second = await caller.send("POST", data=urlencode(caller.fields(IMPORT)), headers=headers)
    other = await caller.send("POST", data=urlencode(caller.fields({**IMPORT, "list": "B"})), headers=headers)

    assert first.status == 200
    assert second.body == first.body
    assert other.error == (409, 99)


async def test_whatever_is_nested_too_deep_is_refused(caller: Caller) -> None:
    """Before anything goes down into it."""
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]

    assert (await caller.post(**IMPORT, colour=deep)).error == (400, 99)
    assert (await caller.with_key("POST", {"job": "snapshot", "query": {"value": deep}})).error == (400, 99)


async def test_what_is_wrong_is_not_missing(caller: Caller) -> None:
    query = {"criteria": ["match"], "field": ["a"], "value": ["\x00"]}

    refused = await caller.post(job="snapshot", query=query)

    assert refused.error == (400, 99)
    assert "Missing" not in refused.body["errormsg"]


async def test_json_must_be_json(caller: Caller) -> None:
    given = {"api_key": caller.key, "format": "json", "json": "{"}
    data = urlencode({**given, "sig": sign(caller.secret, given.values())})
    beside = {**given, "json": json.dumps(IMPORT), "list": "B"}

    assert (await caller.send("POST", data=data, form=True)).error == (400, 99)
    signed = urlencode({**beside, "sig": sign(caller.secret, beside.values())})
    assert (await caller.send("POST", data=signed, form=True)).error == (400, 99)
