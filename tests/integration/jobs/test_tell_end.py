"""Who is told when a job has ended: a URL and a mailbox, after the commit."""

import asyncio
import email
import email.policy
from collections.abc import Callable

from shared.domain.sailthru_signature import sign
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.conftest import World
from tests.sinks.receiver import OK, Receiver, Request, status


async def _until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_url_is_posted_what_get_tells(caller: Caller) -> None:
    """With the key and a signature over every field."""
    async with Receiver() as receiver:
        told = await caller.done(
            job="import", list="Main", emails="a@example.com,bad", postback_url=f"{receiver.url}/result?of=mine"
        )
        await _until(lambda: bool(receiver.requests))

    [request] = receiver.requests
    fields = dict(request.fields)
    assert request.line.startswith("POST /result?of=mine ")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    signature = fields.pop("sig")
    assert signature == sign(caller.secret, fields.values())
    assert fields.pop("api_key") == caller.key
    errors = {f"errors[0][{name}]": str(value) for name, value in told.pop("errors")[0].items()}
    assert fields == {name: str(value) for name, value in told.items()} | errors


async def test_what_is_not_taken_is_posted_again_byte_for_byte(world: World, caller: Caller) -> None:
    """And when it has been taken nothing of it is left."""
    answers = [status(500), status(302, "Location: http://127.0.0.1:1/\r\n"), OK]

    async def answering(_: Request) -> bytes:
        return answers[len(receiver.requests) - 1]

    async with Receiver(answering) as receiver:
        told = await caller.done(job="import", list="Main", emails="a@example.com", postback_url=receiver.url)
        await _until(lambda: len(receiver.requests) == 3)
        await _until_delivered(world, told["job_id"])

    assert len({request.body for request in receiver.requests}) == 1
    row = await world.database.fetch_row(
        "SELECT state, url, body, attempt FROM postback JOIN job ON job.id = postback.job_id WHERE job.job_id = $1",
        told["job_id"],
    )
    assert row is not None
    assert tuple(row) == ("delivered", None, None, 4)


async def _until_delivered(world: World, job_id: str) -> None:
    statement = "SELECT postback.state FROM postback JOIN job ON job.id = postback.job_id WHERE job.job_id = $1"
    async with asyncio.timeout(20):
        while await world.database.fetch_value(statement, job_id) != "delivered":
            await asyncio.sleep(0.02)


async def test_a_failed_job_is_told_too(caller: Caller) -> None:
    async with Receiver() as receiver:
        posted = await caller.post(b"email,a,a\n", job="import", list="Main", postback_url=receiver.url)
        told = await caller.ended(posted)
        await _until(lambda: bool(receiver.requests))

    assert told["status"] == "error"
    assert told["errormsg"] == "the header names 'a' twice"
    assert "error" not in told
    assert dict(receiver.requests[0].fields)["errormsg"] == "the header names 'a' twice"


async def test_a_mailbox_gets_one_short_mail(world: World, caller: Caller) -> None:
    await caller.done(job="import", list="Größe", emails="a@example.com,bad", report_email="ops@example.com")
    await _until(lambda: "ops@example.com" in world.relay.recipients())

    [taken] = [each for each in world.relay.ledger if b"ops@example.com" in each.content]
    mail = email.message_from_bytes(taken.content, policy=email.policy.SMTP)
    assert mail["Subject"] == "List Import: Größe: completed"
    assert mail["From"] == "postroom@bounce.localhost"
    assert "Rows: 2, of which 1 failed" in mail.get_content()
    assert "line 2: is not an email address" in mail.get_content()
