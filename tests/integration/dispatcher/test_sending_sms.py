"""The same promises on the second channel: what becomes of recipients when a gateway takes, refuses or says nothing."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from shared.domain.delivery import Kind
from shared.domain.task import ChangeTask
from shared.domain.tokens import TokenKind
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import KEYS, eventually, recorded, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.integration.dispatcher.texting import copies, ordinal_of, texting, to
from tests.sinks.fake_gateway import FakeGateway, Step, answer
from tests.sinks.fake_relay import Action, After, End, Hang

FAST = {"retry_seconds": "0.05,0.05"}


async def test_everybody_gets_one_personal_text(database: Database, tmp_path: Path) -> None:
    await post_task(database, 300, channel="sms")
    async with FakeGateway() as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 300)

    assert sets == {Kind.SUBMITTED: BitMap(range(300))}, "that it was delivered only a receipt can say"
    assert copies(gateway) == Counter(range(300))
    assert sorted(sms["to"] for sms in gateway.ledger) == [f"+4477{10_000_000 + n}" for n in range(300)]
    sms = gateway.ledger[0]
    leave = KEYS.web(1, ordinal_of(sms), TokenKind.UNSUBSCRIBE)
    assert sms["body"] == f"Hello Person {ordinal_of(sms)}: http://track.example/u/{leave}"
    assert (sms["from"], sms["receipt_url"]) == ("Acme", f"http://track.example/r/{sms['id']}")
    assert gateway.connections <= 20, "a connection is used again"
    assert list(tmp_path.rglob("*.journal")) == [], "after an orderly end no journal is left"


@pytest.mark.parametrize("status", [400, 422])
async def test_a_refusal_bounces_one_recipient_alone(database: Database, tmp_path: Path, status: int) -> None:
    """The note begins with the code, and names no number."""
    await post_task(database, 40, channel="sms")
    script = to(7, answer(status, "+447710000007 does not exist"))
    async with FakeGateway(script) as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 40)

    assert sets[Kind.BOUNCED] == BitMap([7])
    assert sets[Kind.SUBMITTED] == BitMap(range(40)) - BitMap([7])
    hits = await database.fetch_value("SELECT hits FROM segment WHERE kind = $1", Kind.BOUNCED)
    assert f'["{status} number does not exist"]'.encode() in hits


@pytest.mark.parametrize("status", [429, 503])
async def test_not_now_is_tried_again_with_the_same_id(database: Database, tmp_path: Path, status: int) -> None:
    await post_task(database, 20, channel="sms")
    async with FakeGateway(to(3, answer(status), 2)) as gateway, texting(database, gateway, tmp_path, **FAST):
        sets = await settled(database, 20)

    assert sets[Kind.DEFERRED] == BitMap([3])
    assert sets[Kind.SUBMITTED] == BitMap(range(20))
    assert sorted(Counter(request.sms["id"] for request in gateway.requests).values()) == [1] * 19 + [3]
    assert copies(gateway) == Counter(range(20))


async def test_retries_come_to_an_end(database: Database, tmp_path: Path) -> None:
    await post_task(database, 20, channel="sms")
    async with FakeGateway(to(3, answer(500))) as gateway, texting(database, gateway, tmp_path, **FAST):
        sets = await settled(database, 20)

    assert sets[Kind.FAILED] == BitMap([3])
    assert Kind.BOUNCED not in sets


async def test_a_pause_that_is_asked_for_is_kept_by_that_connection_alone(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The others go on with what it gave back; the one attempt it cost is that of whom it was answered for."""
    await ready_task(database, handler, 200, channel="sms")
    paused: list[int] = []

    def script(step: Step) -> Action | None:
        if step.stage == "request" and not paused:
            paused.append(step.connection)
            return answer(429, "", "Retry-After: 30")
        return None

    async with FakeGateway(script) as gateway, texting(database, gateway, tmp_path, sms_connections="2", **FAST):
        sets = await settled(database, 200)

    assert [request.connection for request in gateway.requests].count(paused[0]) == 1
    assert len(sets[Kind.DEFERRED]) == 1
    assert copies(gateway) == Counter(range(200))


async def test_an_orderly_stop_waits_for_no_pause(database: Database, tmp_path: Path) -> None:
    await post_task(database, 100, channel="sms")
    pausing = answer(503, "", "Retry-After: 60")
    async with (
        FakeGateway(lambda step: pausing if step.stage == "request" else None) as gateway,
        texting(database, gateway, tmp_path, sms_connections="1", **FAST) as running,
    ):
        await eventually(lambda: len(gateway.requests) >= 1)
        running.stopping.set()
        await asyncio.wait_for(asyncio.gather(*running.tasks), 20)

    assert not await database.fetch_value("SELECT count(*) FROM batch WHERE owner IS NOT NULL")


@pytest.mark.parametrize("status", [401, 404, 302])
async def test_a_gateway_that_refuses_us_spends_nobody_s_attempt(
    database: Database, tmp_path: Path, status: int
) -> None:
    """As soon as it lets us in again, everybody gets his text."""
    refusing = True

    def script(step: Step) -> Action | None:
        return answer(status, "who are you") if refusing and step.stage == "request" else None

    await post_task(database, 30, channel="sms")
    async with (
        FakeGateway(script) as gateway,
        texting(database, gateway, tmp_path, retry_seconds="", sms_connections="2"),
    ):
        await eventually(lambda: len(gateway.requests) >= 2)
        assert await recorded(database) == {}
        refusing = False
        sets = await settled(database, 30)

    assert sets == {Kind.SUBMITTED: BitMap(range(30))}


@pytest.mark.parametrize("took", [True, False])
async def test_no_answer_is_doubt_and_is_resent_once_with_the_same_id(
    database: Database, tmp_path: Path, took: bool
) -> None:
    """Both ways nobody is missing and the doubled one is listed; a gateway that looks at ids sends one."""
    await post_task(database, 30, channel="sms")
    async with FakeGateway(to(5, End(took=took), 1)) as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.RESENT] == BitMap([5])
    assert sets[Kind.SUBMITTED] == BitMap(range(30))
    assert copies(gateway) == Counter(range(30)) + Counter([5] if took else [])
    assert len({request.sms["id"] for request in gateway.requests}) == 30


async def test_in_doubt_twice_is_held(database: Database, tmp_path: Path) -> None:
    await post_task(database, 30, channel="sms")
    async with FakeGateway(to(5, End(took=True))) as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.HELD] == sets[Kind.RESENT] == BitMap([5])
    assert copies(gateway)[5] == 2


async def test_a_task_that_holds_sends_nothing_twice(database: Database, tmp_path: Path) -> None:
    await post_task(database, 30, channel="sms", in_doubt="hold")
    async with FakeGateway(to(5, End(took=True))) as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 30)

    assert sets[Kind.HELD] == BitMap([5])
    assert copies(gateway) == Counter(range(30))


async def test_a_gateway_that_hangs_keeps_its_batch_s_lease(database: Database, tmp_path: Path) -> None:
    """While an answer is awaited the lease is renewed, so nobody else sends it again."""
    await post_task(database, 20, channel="sms")
    hanging = lambda step: Hang() if step.stage == "request" else None  # noqa: E731 - a script
    async with FakeGateway(hanging) as gateway, texting(database, gateway, tmp_path, sms_connections="1"):
        await eventually(lambda: len(gateway.requests) >= 1)
        before = await database.fetch_value("SELECT max(leased_until) FROM batch WHERE owner IS NOT NULL")
        async with asyncio.timeout(10):
            while before == await database.fetch_value("SELECT max(leased_until) FROM batch WHERE owner IS NOT NULL"):
                await asyncio.sleep(0.1)
        assert len(gateway.requests) == 1


async def test_who_cannot_be_texted_fails_with_a_reason_and_holds_up_nobody(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """A number that is none, a text that comes to nothing, one that is too long."""
    await ready_task(database, handler, 20, channel="sms")
    await database.execute("UPDATE contact_record SET address = '07700 900123' WHERE ordinal = 3")
    await database.execute(
        "UPDATE subscriber SET vars = jsonb_build_object('name', repeat('x', 2000)) WHERE id = 10000004"
    )
    async with FakeGateway() as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 20)

    assert sets[Kind.FAILED] == BitMap([3, 4])
    assert copies(gateway) == Counter(set(range(20)) - {3, 4})
    rows = await database.fetch("SELECT hits FROM segment WHERE kind = $1", Kind.FAILED)
    told = b"".join(row["hits"] for row in rows)
    assert b"the number cannot be sent to" in told
    assert b"parts, and at most 10 are sent" in told


async def test_a_rate_holds_for_sms_too(database: Database, handler: Handler, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "request":
            moments.append(loop.time())
        return None

    await ready_task(database, handler, 50, channel="sms", rate=3_600)
    async with FakeGateway(script) as gateway, texting(database, gateway, tmp_path, sms_connections="4"):
        await eventually(lambda: len(gateway.requests) >= 4, seconds=30)

    crowded = max(sum(1 for other in moments if 0 <= other - moment < 1.0) for moment in moments)
    assert crowded <= 3, "in a window of one second: rate * (1 + 1) / 3600 + 1"


async def test_a_cancel_stops_mid_batch_within_a_second(database: Database, handler: Handler, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "connect":
            return None
        moments.append(loop.time())
        return After(0.01, answer(202))

    await post_task(database, 5_000, channel="sms")
    async with FakeGateway(script) as gateway, texting(database, gateway, tmp_path):
        await eventually(lambda: len(gateway.ledger) > 100)
        done = await handler.handle(TASKS, "task-1", ChangeTask(frozenset({"cancelled"}), cancelled=True), Actor(1, 1))
        cancelled_at = loop.time()
        assert isinstance(done, Done)
        sets = await settled(database, 5_000)

    assert max(moments) < cancelled_at + 1.0
    assert sets[Kind.CANCELLED] | sets[Kind.SUBMITTED] == BitMap(range(5_000))
    assert not sets[Kind.CANCELLED] & sets[Kind.SUBMITTED]
    assert set(copies(gateway)) == set(sets[Kind.SUBMITTED])
