"""Who was erased while a job waits is not brought back by it, and nobody else is missing."""

import asyncio
from typing import Any

import pytest

from services.api.resources.subscriber.blank_jobs import without
from tests.integration.jobs.caller import Caller
from tests.sinks.receiver import Receiver, Request

LINES = b"Ann@x.org\nbob@x.org\njoann@x.org\n"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b"Ann@X.org\nb@x.org\n", b"---------\nb@x.org\n"),
        (b'{"email":"ann@x.org"}', b'{"email":"---------"}'),
        (b"joann@x.org,ann@x.org.uk;ann@x.orgs", b"joann@x.org,ann@x.org.uk;ann@x.orgs"),
        (b"Write to ann@x.org.", b"Write to ---------."),
        (b"+447700900123,+4477009001234", b"-------------,+4477009001234"),
        (b"\xff\x00<ann@x.org>", b"\xff\x00<--------->"),
    ],
)
def test_an_address_is_taken_out_and_nothing_else(text: bytes, left: bytes) -> None:
    assert without(text, ["ann@x.org", "+447700900123"]) == left


@pytest.mark.parametrize(
    "job", [{"job": "import", "list": "Main"}, {"job": "update", "update": {"lists": {"Main": 1}}}]
)
async def test_a_job_that_was_posted_before_brings_nobody_back(caller: Caller, job: dict[str, Any]) -> None:
    """One that is posted later may."""
    await caller.done(job="import", list="Main", emails="ann@x.org,bob@x.org")
    person = await caller.person("ann@x.org")
    assert person
    asked, go = asyncio.Event(), asyncio.Event()

    async def feed(_: Request) -> bytes:
        asked.set()
        await go.wait()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(LINES), LINES)

    async with Receiver(feed) as receiver:
        posted = await caller.post(**job, url=f"{receiver.url}/feed")
        await asyncio.wait_for(asked.wait(), 20)
        erased = await caller.native.send("DELETE", f"/subscriber/{person['id']}")
        go.set()
        told = await caller.ended(posted)

    assert erased.status == 200
    assert (told["status"], told["rows"], told["rows_failed"], told["skipped"]) == ("completed", 3, 0, 1)
    assert await caller.emails("Main") == ["bob@x.org", "joann@x.org"]
    assert await caller.database.fetch_value("SELECT count(*) FROM erased_address") == 0
    await caller.done(**job, emails="ann@x.org")
    assert await caller.emails("Main") == ["ann@x.org", "bob@x.org", "joann@x.org"]
