"""Callbacks made: to a receiver that proves each signature, is down for a day, is gone, or moves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.domain.delivery import Kind
from shared.domain.egress import EgressRules
from shared.domain.retry_schedule import CALLBACK_RETRIES, RetrySchedule
from shared.egress.client import EgressClient
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
    told_by,
    told_by_all,
)
from tests.sinks.receiver import OK, Receiver, Request, status

DAY = 86_400.0
TARGET = "/hook/../in?b=2&a=%7e&a=x+y&&c=|"


@pytest.fixture
async def post(database: Database, database_url: str) -> AsyncIterator[Post]:
    await add_account(database)
    async with post_on(database_url) as post:
        yield post


class Moody:
    """Answers what it is told to, and may be told something else. ``None``: hangs."""

    def __init__(self, answer: bytes | None = OK) -> None:
        self.answer = answer

    async def __call__(self, _: Request) -> bytes | None:
        return self.answer


async def tell(post: Post, task: int, *kinds: Kind, ordinals: range = range(3)) -> None:
    """Each kind in a window of its own."""
    for kind in kinds:
        await happened(post.database, segment(task, kind, ordinals, NOON_MS + 5999))
        await post.cut()


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


async def test_one_call_at_a_time_in_order(post: Post) -> None:
    """The next one is not made before the last one was answered."""
    under_way, most = 0, 0

    async def counting(_: Request) -> bytes | None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.005)
        under_way -= 1
        return OK

    async with Receiver(counting) as receiver:
        tasks = await add_campaign(post.database, 1, receiver.url, ("email", "sms"))
        for kind in (Kind.SUBMITTED, Kind.DELIVERED, Kind.BOUNCED):
            for task in tasks:
                await tell(post, task, kind)
        await post.deliver()

        numbers = [int(told.id.rsplit("_", 1)[1]) for told in told_by_all(receiver)]
        assert most == 1
        assert numbers == sorted(numbers)
        assert len(numbers) == 5


async def test_whoever_was_erased_is_named_no_more(post: Post) -> None:
    """Also in a repeat; a call that would name nobody is not made."""
    moody = Moody(status(500))
    async with Receiver(moody) as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await tell(post, task, Kind.OPENED, ordinals=range(1, 2))
        await post.deliver()
        await post.database.execute("UPDATE contact_record SET address = '' WHERE ordinal = 1")
        moody.answer = OK
        await post.let_time_pass(5)
        await post.deliver()

        first, second = told_by_all(receiver)
        assert first.people == tuple(address("email", n) for n in range(3))
        assert second.people == (address("email", 0), address("email", 2))
        assert [window["state"] for window in await post.windows()] == ["delivered", "empty"]


async def test_the_url_is_checked_at_each_dial(post: Post) -> None:
    """What was taken when it was posted is refused once its name leads elsewhere; it is no reason to stop trying."""
    async with Receiver() as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        strict = EgressClient(EgressRules((), frozenset({receiver.port})))
        post.switchboard._caller._egress, lenient = strict, post.egress
        await post.deliver()
        await strict.close()
        (window,) = await post.windows()
        assert (receiver.connections, window["state"]) == (0, "waiting")
        assert window["last_error"] == "leads to an address that is not public and not in the networks allowed"

        post.switchboard._caller._egress = lenient
        await post.let_time_pass(5)
        await post.deliver()
        assert len(receiver.requests) == 1


async def test_two_trackers_call_nobody_twice(post: Post, database_url: str) -> None:
    async with Receiver() as receiver, post_on(database_url) as other:
        for campaign in range(1, 13):
            (task,) = await add_campaign(post.database, campaign, receiver.url)
            await happened(post.database, *(segment(task, kind, [1]) for kind in list(Kind)[:5]))
        await post.cut()
        await asyncio.gather(post.deliver(), other.deliver())

        ids = [told.id for told in told_by_all(receiver)]
        assert len(ids) == len(set(ids)) == 60
        assert {window["state"] for window in await post.windows()} == {"delivered"}


async def test_a_tracker_that_dies_between_the_answer_and_its_record_is_followed_by_another(
    post: Post, database_url: str
) -> None:
    """The call is made once more with the id it had, once the lease has run out; the next ones follow in order."""
    arrived = asyncio.Event()

    async def noticed(_: Request) -> bytes | None:
        if arrived.is_set():
            return OK
        arrived.set()
        return None

    async with Receiver(noticed) as receiver, post_on(database_url) as other:
        (task,) = await add_campaign(post.database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED, Kind.OPENED)
        await post.switchboard.step()
        await asyncio.wait_for(arrived.wait(), 30)
        for served in [each for tasks in post.switchboard._served.values() for each in tasks]:
            served.cancel()

        await other.deliver()
        assert len(receiver.requests) == 1
        await post.owner.execute("UPDATE callback_line SET leased_until = '-infinity'")
        await other.deliver()

        told = told_by_all(receiver)
        assert [each.event for each in told] == ["submitted", "submitted", "opened"]
        assert told[0] == told[1]


async def test_windows_that_come_while_it_is_laid_to_rest_are_told(post: Post) -> None:
    """Whoever cuts and whoever calls go on side by side for a while: at the end nothing waits."""
    async with Receiver() as receiver:
        (task,) = await add_campaign(post.database, 1, receiver.url, recipients=400)
        cutting = True

        async def keep_delivering() -> None:
            while cutting:
                await post.deliver()
                await asyncio.sleep(0)

        delivering = asyncio.create_task(keep_delivering())
        for ordinal in range(60):
            await happened(post.database, segment(task, Kind.OPENED, [ordinal]))
            await post.cut()
        cutting = False
        await delivering
        await post.deliver()

        assert [who for told in told_by_all(receiver) for who in told.people] == [
            address("email", n) for n in range(60)
        ]


async def test_a_hundred_endpoints_that_never_answer_hold_up_no_other(post: Post) -> None:
    """The healthy one hears everything while they all hang, and again when they all are tried once more."""
    async with Receiver(Moody(None)) as dead, Receiver() as healthy:
        for campaign in range(1, 101):
            (task,) = await add_campaign(post.database, campaign, f"{dead.url}/{campaign}")
            await happened(post.database, segment(task, Kind.SUBMITTED, [1]))
        await post.cut()
        await post.switchboard.step()
        while len(dead.requests) < 100:
            await asyncio.sleep(0.01)

        (task,) = await add_campaign(post.database, 101, healthy.url)
        await tell(post, task, Kind.SUBMITTED, Kind.DELIVERED, Kind.OPENED)
        await post.switchboard.step()
        async with asyncio.timeout(15):
            while len(healthy.requests) < 3:
                await asyncio.sleep(0.01)
        assert [told.event for told in told_by_all(healthy)] == ["submitted", "delivered", "opened"]
        assert sum(len(served) for served in post.switchboard._served.values()) >= 100


async def test_with_a_schedule_of_its_own_it_is_parked_sooner(database: Database, database_url: str) -> None:
    await add_account(database)
    async with Receiver(Moody(status(500))) as receiver, post_on(database_url, schedule=RetrySchedule(())) as post:
        (task,) = await add_campaign(database, 1, receiver.url)
        await tell(post, task, Kind.SUBMITTED)
        await post.deliver()
        assert (await post.line(1))["state"] == "parked"
