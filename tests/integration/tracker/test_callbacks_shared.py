"""Callbacks made by trackers that die, share the work, or meet endpoints that never answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from shared.domain.delivery import Kind
from shared.domain.egress import EgressRules
from shared.egress.client import EgressClient
from shared.postgres.database import Database
from tests.integration.tracker.called_back import (
    Post,
    add_account,
    add_campaign,
    address,
    happened,
    post_on,
    segment,
    tell,
    told_by_all,
)
from tests.sinks.receiver import OK, Moody, Receiver, Request, status


@pytest.fixture
async def post(database: Database, database_url: str) -> AsyncIterator[Post]:
    await add_account(database)
    async with post_on(database_url) as post:
        yield post


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
