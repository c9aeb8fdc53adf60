"""The clients of PyPI and npm run their job calls unchanged over a real socket, each result checked by known data."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.jobs.caller import Caller
from tests.integration.jobs.clients import JobClient, Refused, client_of, poll
from tests.sinks.receiver import Receiver, Request

#: PyPI's client leaves it to the garbage collector to close what it uploads.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FEED = b'{"email":"feed@example.com","vars":{"from":"feed"}}\nplain@example.com\n'
GMAIL = {"source_list": "Main", "query_mode": "and", "criteria": ["domain"], "value": ["gmail.com"]}


@pytest.fixture(params=["PyPI", "PyPI, the path left in", "npm"])
async def client(request: pytest.FixtureRequest, caller: Caller) -> AsyncIterator[JobClient]:
    async with client_of(request.param, caller) as client:
        yield client


def _file(folder: Path, text: str) -> str:
    path = folder / "upload.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


async def _done(client: JobClient, **params: Any) -> dict[str, Any]:
    posted = await client.post(**params)
    assert posted["status"] == "pending"
    told = await poll(client, posted)
    assert told["status"] == "completed", told
    assert told["name"] == posted["name"]
    return told


async def test_every_way_of_an_import(client: JobClient, caller: Caller, tmp_path: Path) -> None:
    await _done(client, job="import", list="Main", emails="a@example.com,b@gmail.com")
    told = await _done(client, job="import", list="Main", file=_file(tmp_path, "c@example.com\nnobody\nd@gmail.com\n"))

    assert (told["rows"], told["rows_failed"]) == (3, 1)
    assert await caller.emails("Main") == ["a@example.com", "b@gmail.com", "c@example.com", "d@gmail.com"]


async def test_every_way_of_an_update(client: JobClient, caller: Caller, tmp_path: Path) -> None:
    await caller.done(job="import", list="Main", emails="a@example.com,b@gmail.com")
    own = json.dumps({"email": "a@example.com", "vars": {"n": 1}, "lists": {"VIP": 1}})

    async def feed(_: Request) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(FEED), FEED)

    async with Receiver(feed) as receiver:
        await _done(client, job="update", emails="a@example.com", update={"vars": {"x": 1}, "lists": {"VIP": 1}})
        await _done(client, job="update", url=f"{receiver.url}/feed", update={"optout": "blast"})
        await _done(client, job="update", file=_file(tmp_path, own + "\n"))
        told = await _done(client, job="update", query=GMAIL, update={"lists": {"gmailers": 1}})

    people = {email: await caller.person(f"{email}@example.com") for email in ("a", "feed", "plain")}
    assert {email: person and (person["vars"], person["optout"]) for email, person in people.items()} == {
        "a": ({"x": 1, "n": 1}, "none"),
        "feed": ({"from": "feed"}, "blast"),
        "plain": ({}, "blast"),
    }
    assert told["rows"] == 1
    assert await caller.emails("VIP") == ["a@example.com"]
    assert await caller.emails("gmailers") == ["b@gmail.com"]


async def test_signup_dates_and_vars_to_remove(client: JobClient, caller: Caller, tmp_path: Path) -> None:
    dated = _file(tmp_path, "email,signup_date\na@example.com,20090218\nb@gmail.com,soon\n")
    told = await _done(client, job="import", list="Main", file=dated, signup_dates=1)
    await _done(client, job="update", emails="a@example.com", update={"vars": {"x": 1, "y": 2}})
    await _done(
        client,
        job="update",
        emails="a@example.com",
        update={"delete_vars": ["x"], "lists": {"VIP": 1}, "signup_date": "Wed, 18 Feb 2009 15:19:01 +0100"},
    )

    assert (told["rows"], told["rows_failed"]) == (2, 1)
    assert await caller.signups("Main") == {"a@example.com": "2009-02-18T00:00:00+00:00"}
    assert await caller.signups("VIP") == {"a@example.com": "2009-02-18T14:19:01+00:00"}
    person = await caller.person("a@example.com")
    assert person is not None
    assert person["vars"] == {"y": 2}


async def test_refusals_are_understood(client: JobClient) -> None:
    for params, refusal in (
        ({"job": "import", "list": "Main"}, (400, 2)),
        ({"job": "no such job"}, (400, 99)),
        ({"job": "update", "emails": "a@b.co", "update": {"lists": {"Nowhere": 0}}}, (404, 15)),
        ({"job": "update", "emails": "a@b.co", "update": {"signup_date": "soon"}}, (400, 18)),
    ):
        with pytest.raises(Refused) as refused:
            await client.post(**params)
        assert refused.value.args == refusal
    with pytest.raises(Refused) as unknown:
        await client.status("4dd58f036803fa3b5500000b")
    assert unknown.value.args == (404, 99)


async def test_a_client_sees_how_many_calls_are_left(client: JobClient) -> None:
    await client.post(job="import", list="Main", emails="a@example.com")
    first = await client.rate()
    await client.post(job="import", list="Main", emails="a@example.com")
    second = await client.rate()

    assert first["limit"] == 2_400
    assert second["remaining"] == first["remaining"] - 1 or second["reset"] > first["reset"]
    assert first["reset"] % 60 == 0
