"""Callbacks made: to a receiver that proves each signature, is down for a day, is gone, or moves."""

import time
from collections.abc import AsyncIterator

import pytest

from shared.domain.delivery import Kind
from shared.domain.retry_schedule import CALLBACK_RETRIES, RetrySchedule
from shared.postgres.database import Database
from tests.integration.tracker.called_back import (
    NOON_MS,
    Post,
    add_account,
    add_campaign,
    address,
    happened,
    post_on,
    segment,
    tell,
    told_by,
    told_by_all,
)
from tests.sinks.receiver import OK, Moody, Receiver, Request, status

DAY = 86_400.0
TARGET = "/hook/../in?b=2&a=%7e&a=x+y&&c=|"


@pytest.fixture
async def post(database: Database, database_url: str) -> AsyncIterator[Post]:
    await add_account(database)
    async with post_on(database_url) as post:
        yield post


async def test_a_call_says_what_happened_to_whom_and_is_signed(post: Post) -> None:
    """Its fields are indexed, of one channel each, and the URL goes out as it was given."""
    async with Receiver() as receiver:
        mail, text = await add_campaign(post.database, 1, receiver.url + TARGET, ("email", "sms"))
        await tell(post, mail, Kind.OPENED)
        await tell(post, text, Kind.DELIVERED, ordinals=range(2))
        await post.deliver()

        first, second = receiver.requests
        assert first.line == f"POST {TARGET} HTTP/1.1"
        assert first.headers["content-type"] == "application/x-www-form-urlencoded"
        assert first.fields == [
            ("event", "opened"),
            ("when", str(NOON_MS // 1000 + 5)),
            *((f"email[{place}]", address("email", place)) for place in range(3)),
        ]
        assert second.fields[0] == ("event", "delivered")
        assert second.fields[2:] == [(f"telephone[{place}]", address("sms", place)) for place in range(2)]
        assert len({told.id for told in told_by_all(receiver)}) == 2
        assert [window["state"] for window in await post.windows()] == ["delivered", "delivered"]


async def test_what_fails_is_repeated_byte_for_byte_with_a_signature_of_its_own(post: Post) -> None:
    moody = Moody(status(500))
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url + TARGET)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        await post.let_time_pass(5)
        await post.deliver()
        moody.answer = OK
        await post.let_time_pass(300)
        await post.deliver()

        first, *repeats = receiver.requests
        assert len(repeats) == 2
        for repeat in repeats:
            assert (repeat.line, repeat.body) == (first.line, first.body)
            assert repeat.headers["webhook-id"] == first.headers["webhook-id"]
            told_by(repeat)
        (window,) = await post.windows()
        assert (window["state"], window["attempts"], window["last_status"]) == ("delivered", 3, 200)


@pytest.mark.parametrize("answer", [status(302, "Location: /\r\n"), status(404), status(503), b"SSH-2.0\r\n\r\n"])
async def test_whatever_is_no_success_is_tried_again(post: Post, answer: bytes) -> None:
    async with Receiver(Moody(answer)) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()

        assert len(receiver.requests) == 1
        (window,) = await post.windows()
        assert (window["state"], window["attempts"]) == ("waiting", 1)
        assert (await post.line(1))["failures"] == 1


async def test_a_day_without_a_receiver_loses_nothing(post: Post) -> None:
    """Each (event, recipient) comes once it is back, in order, and what came twice has the id it had."""
    async with Receiver(Moody(status(500))) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        seen = receiver.requests
    for _, kind in enumerate((Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.OPENED)):
        await tell(post, task, kind, ordinals=range(2, 9))
        await post.let_time_pass(DAY / 4)
        await post.deliver()
    receiver.answering = Moody(OK)
    async with receiver:
        await post.let_time_pass(DAY)
        await post.deliver()

    told = [told_by(request) for request in seen]
    expected = {("submitted", n) for n in range(3)} | {
        (event, n) for event in ("delivered", "opened", "clicked") for n in range(2, 9)
    }
    assert {(each.event, who) for each in told for who in each.people} == {
        (event, address("email", n)) for event, n in expected
    }
    assert [each.event for each in told] == ["submitted", "submitted", "delivered", "opened", "clicked", "opened"]
    assert told[0].id == told[1].id
    assert len({each.id for each in told}) == 5


async def test_after_75_hours_it_is_parked_and_what_comes_later_with_it(post: Post) -> None:
    """Until somebody wants it again; then all of it comes, in order."""
    moody = Moody(status(500))
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        waited = 0.0
        for pause in (0.0, *CALLBACK_RETRIES.pauses_seconds):
            await post.let_time_pass(pause)
            await post.deliver()
            waited += pause
        attempts = len(receiver.requests)
        await tell(post, task, Kind.OPENED)
        await post.let_time_pass(100 * DAY)
        await post.deliver()
        await post.switchboard.sweep()

        assert (attempts, len(receiver.requests)) == (10, 10)
        assert waited == pytest.approx(75 * 3600, rel=0.01)
        assert (await post.line(1))["state"] == "parked"
        assert [window["state"] for window in await post.windows()] == ["waiting", "waiting"]
        assert post.metrics.callbacks_parked._value.get() == 1


async def test_whoever_takes_a_call_begins_anew_with_the_next_one(post: Post) -> None:
    """Failures are counted for one call: those of the one before bring none nearer to its end."""
    moody = Moody(status(500))
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED, Kind.OPENED)
        for _ in range(3):
            await post.deliver()
            await post.let_time_pass(DAY)
        before = (await post.line(1))["failures"]
        answers = iter((OK, status(500)))

        async def by_turns(_: Request) -> bytes | None:
            return next(answers)

        receiver.answering = by_turns
        await post.deliver()

        assert before == 3
        assert [window["state"] for window in await post.windows()] == ["delivered", "waiting"]
        assert (await post.line(1))["failures"] == 1


async def test_a_new_url_gets_what_was_parked_under_the_old_one(post: Post) -> None:
    async with Receiver(Moody(status(410))) as old, Receiver() as new:
        (task,) = await add_campaign(post.database, 1, old.url)
        await tell(post, task, Kind.SUBMITTED, Kind.OPENED)
        await post.deliver()
        assert (await post.line(1))["state"] == "stopped"

        await post.database.execute("UPDATE campaign SET event_callback = NULL")
        await post.switchboard.sweep()
        await post.deliver()
        await post.database.execute("UPDATE campaign SET event_callback = $1", f"{new.url}/new?x=1")
        await post.switchboard.sweep()
        await post.deliver()

        assert [told.event for told in told_by_all(old)] == ["submitted"]
        assert [told.event for told in told_by_all(new)] == ["submitted", "opened"]
        assert told_by(new.requests[0]).id == told_by(old.requests[0]).id
        assert new.requests[0].body == old.requests[0].body


async def test_410_stops_it(post: Post) -> None:
    async with Receiver(Moody(status(410))) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        await tell(post, task, Kind.OPENED)
        await post.let_time_pass(100 * DAY)
        await post.deliver()
        await post.switchboard.sweep()

        assert len(receiver.requests) == 1
        assert (await post.line(1))["state"] == "stopped"
        assert post.metrics.callbacks_stopped._value.get() == 1


async def test_a_wish_for_a_pause_is_heeded(post: Post) -> None:
    async with Receiver(Moody(status(429, "Retry-After: 900\r\n"))) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        await post.let_time_pass(880)
        await post.deliver()
        assert len(receiver.requests) == 1
        await post.let_time_pass(20)
        await post.deliver()
        assert len(receiver.requests) == 2


async def test_with_a_schedule_of_its_own_it_is_parked_sooner(database: Database, database_url: str) -> None:
    await add_account(database)
    async with Receiver(Moody(status(500))) as receiver, post_on(database_url, schedule=RetrySchedule(())) as post:
        (task,) = await add_campaign(database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        assert (await post.line(1))["state"] == "parked"


async def test_the_age_of_what_waits_for_its_first_attempt_is_told(post: Post) -> None:
    """Not of what was tried and failed: that has a pause of its own, and a counter."""
    async with Receiver(Moody(status(500))) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        earlier = int(time.time() - 100) * 1000
        await happened(post.database, segment(task, Kind.OPENED, [1, 2], earlier))
        await post.cut()
        await post.switchboard.sweep()
        assert 100 <= post.metrics.callback_age._value.get() < 200
        assert post.metrics.callback_events._value.get() == 2

        await post.deliver()
        await post.switchboard.sweep()
        assert post.metrics.callback_age._value.get() == 0
        assert post.metrics.callback_attempts.labels("failed")._value.get() == 1
