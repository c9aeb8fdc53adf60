"""``/campaign/:id/callback``: what is seen of callbacks, and what is sent again."""

from collections.abc import AsyncIterator

import pytest

from services.api.app import RunningApi
from shared.domain.delivery import Kind
from shared.domain.retry_schedule import RetrySchedule
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients
from tests.integration.tracker.called_back import Post, add_campaign, address, post_on, tell, told_by
from tests.sinks.receiver import OK, Moody, Receiver, Request, status


@pytest.fixture
async def post(api: RunningApi, settings: Settings, database_url: str) -> AsyncIterator[Post]:
    async with post_on(database_url, schedule=RetrySchedule((5.0,)), secrets=settings.secret) as post:
        yield post


async def test_windows_are_listed_with_their_state_and_attempts(client: Client, database: Database, post: Post) -> None:
    """Page by page, in the order in which they are sent."""
    moody = Moody(OK)
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(database, 7, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        moody.answer = status(503)
        await tell(post, task, Kind.DELIVERED, Kind.OPENED)
        await post.deliver()

        listed = await client.get("/campaign/7/callback?count=2")
        sent, failed = listed.json
        assert (
            sent["webhook_id"]
            == told_by(receiver.requests[0], str(client.created and client.created["webhook_secret"])).id
        )
        assert {
            name: sent[name] for name in ("task_id", "channel", "event", "when", "people", "state", "attempts")
        } == {
            "task_id": task,
            "channel": "email",
            "event": "submitted",
            "when": 1_800_000_005,
            "people": 3,
            "state": "delivered",
            "attempts": 1,
        }
        assert (sent["last_status"], sent["last_error"], sent["next_attempt"]) == (200, None, None)
        assert sent["window"] % 30 == 0
        assert (failed["event"], failed["state"], failed["attempts"]) == ("delivered", "waiting", 1)
        assert (failed["last_status"], failed["last_error"]) == (503, "answered 503")
        assert failed["next_attempt"] > failed["last_attempt"] + 4
        assert listed.headers["X-Total-Count"] == "3"
        following = listed.headers["Link"].partition("<")[2].partition(">")[0]
        assert [window["event"] for window in (await client.get(following)).json] == ["opened"]


async def test_what_is_parked_goes_out_again_when_one_of_it_is_redelivered(
    client: Client, database: Database, post: Post
) -> None:
    """In its order, with the ids and bodies it had."""
    moody = Moody(status(500))
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(database, 7, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        await post.let_time_pass(10)
        await post.deliver()
        await tell(post, task, Kind.OPENED)
        await post.deliver()
        parked = (await client.get("/campaign/7/callback")).json
        assert [window["state"] for window in parked] == ["parked", "parked"]
        assert len(receiver.requests) == 2

        moody.answer = OK
        again = await client.post(f"/campaign/7/callback/{parked[1]['id']}/redeliver", None)
        assert (again.status, again.json["state"], again.json["id"]) == (200, "waiting", parked[1]["id"])
        await post.deliver()

        assert [window["state"] for window in (await client.get("/campaign/7/callback")).json] == ["delivered"] * 2
        first, _, *again_sent = receiver.requests
        assert [request.headers["webhook-id"] for request in again_sent] == [each["webhook_id"] for each in parked]
        assert again_sent[0].body == first.body


async def test_a_redelivery_asked_for_while_the_last_attempt_fails_is_made(
    client: Client, database: Database, post: Post
) -> None:
    """Once the lease of that attempt has run out."""
    answers = [status(500), status(500), OK, OK]

    async def answer(_: Request) -> bytes | None:
        if len(answers) == 3:
            [window] = (await client.get("/campaign/7/callback")).json
            assert (await client.post(f"/campaign/7/callback/{window['id']}/redeliver", None)).status == 200
        return answers.pop(0)

    async with Receiver(answer) as receiver:
        (task,) = await add_campaign(database, 7, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        await post.let_time_pass(10)
        await post.deliver()
        await post.owner.execute("UPDATE callback_line SET leased_until = '-infinity'")
        await post.deliver()

        [window] = (await client.get("/campaign/7/callback")).json
        assert (window["state"], window["attempts"]) == ("delivered", 3)
        assert len(receiver.requests) == 3


async def test_what_was_delivered_is_sent_once_more_byte_for_byte(
    client: Client, database: Database, post: Post
) -> None:
    async with Receiver() as receiver:
        (task,) = await add_campaign(database, 7, receiver.url)
        await tell(post, task, Kind.SUBMITTED, Kind.OPENED)
        await post.deliver()
        first = (await client.get("/campaign/7/callback")).json[0]
        await client.post(f"/campaign/7/callback/{first['id']}/redeliver", None)
        await post.deliver()

        assert len(receiver.requests) == 3
        assert receiver.requests[2].body == receiver.requests[0].body
        assert receiver.requests[2].headers["webhook-id"] == receiver.requests[0].headers["webhook-id"]
        assert receiver.requests[2].people == [address("email", n) for n in range(3)]
        assert (await client.get("/campaign/7/callback")).json[0]["attempts"] == 2


async def test_what_was_parked_goes_to_the_new_url_on_redelivery(
    client: Client, database: Database, post: Post
) -> None:
    """Also where nothing had seen the change yet."""
    async with Receiver(Moody(status(410))) as old, Receiver() as new:
        (task,) = await add_campaign(database, 7, old.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        (stopped,) = (await client.get("/campaign/7/callback")).json
        assert (stopped["state"], stopped["last_status"]) == ("stopped", 410)

        await database.execute("UPDATE campaign SET event_callback = $1", new.url)
        await client.post(f"/campaign/7/callback/{stopped['id']}/redeliver", None)
        await post.deliver()
        assert [request.headers["webhook-id"] for request in new.requests] == [stopped["webhook_id"]]


async def test_a_redelivery_asked_for_twice_with_one_key_is_one(client: Client, database: Database, post: Post) -> None:
    async with Receiver() as receiver:
        (task,) = await add_campaign(database, 7, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        (window,) = (await client.get("/campaign/7/callback")).json
        path, key = f"/campaign/7/callback/{window['id']}/redeliver", {"Idempotency-Key": "k"}
        first = await client.post(path, None, headers=key)
        await post.deliver()
        assert (await client.post(path, None, headers=key)).json == first.json
        await post.deliver()
        assert len(receiver.requests) == 2


async def test_what_is_not_there_or_not_theirs_is_not_found(
    client: Client, clients: Clients, database: Database, post: Post
) -> None:
    (task,) = await add_campaign(database, 7, "http://127.0.0.1:9/")
    await tell(post, task, Kind.SUBMITTED)
    (window,) = (await client.get("/campaign/7/callback")).json
    path = f"/campaign/7/callback/{window['id']}/redeliver"
    stranger, member = await clients.make("others"), await clients.make(user="mia", role="member")
    reader = await clients.make(user="rita", role="reader")

    assert (await client.get("/campaign/8/callback")).status == 404
    assert (await client.post("/campaign/7/callback/999/redeliver", None)).status == 404
    assert (await client.post(path.replace("/7/", "/8/"), None)).status == 404
    for other in (stranger, member):
        assert (await other.get("/campaign/7/callback")).status == 404
        assert (await other.post(path, None)).status == 404
    assert (await reader.get("/campaign/7/callback")).status == 200
    assert (await reader.post(path, None)).status == 403

    await database.execute("UPDATE campaign SET event_callback = NULL")
    assert (await client.post(path, None)).status == 409
