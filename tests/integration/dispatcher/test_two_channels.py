"""Mail and SMS from one dispatcher: each by its own senders, with its own meaning of taken, at its own pace."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.dispatcher.sending import sender
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import dispatching, eventually, recorded, settled
from tests.integration.dispatcher.test_claims import ready_task
from tests.integration.dispatcher.texting import copies, texting
from tests.sinks.fake_gateway import FakeGateway, answer
from tests.sinks.fake_relay import After, FakeRelay, Hang


async def test_mail_counted_as_delivered_with_the_250_does_not_count_sms_so(database: Database, tmp_path: Path) -> None:
    """One dispatcher on both channels: each with its own meaning of what was taken."""
    await post_task(database, 20, number=1)
    await post_task(database, 20, number=2, channel="sms")
    async with (
        FakeRelay() as relay,
        FakeGateway() as gateway,
        dispatching(database, relay.port, tmp_path, sms_url=gateway.url),
    ):
        mail, sms = await settled(database, 20), await settled(database, 20, task_id=2)

    assert set(mail) == {Kind.SUBMITTED, Kind.DELIVERED}
    assert set(sms) == {Kind.SUBMITTED}
    assert len(relay.ledger) == len(gateway.ledger) == 20


async def test_a_dead_process_s_journal_is_replayed_by_the_meaning_of_its_channel(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """An accepted SMS is submitted and not delivered; by whom the journal is found makes no difference."""
    await ready_task(database, handler, 20, channel="sms")
    dead = 77
    await database.execute(
        "UPDATE batch SET owner = $1, epoch = 1, leased_until = clock_timestamp() + interval '1 hour'", dead
    )
    journal = Journal(tmp_path, dead)
    for mark, ordinal in ((Mark.DOT, 1), (Mark.ACCEPTED, 1), (Mark.DOT, 2), (Mark.REFUSED, 2), (Mark.DOT, 3)):
        journal.write(Record(mark, 1, 0, 1, ordinal, 1_000, 202, "said so"))
    journal.close()

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        assert (await recorded(database))[Kind.SUBMITTED] == BitMap([1])
    async with FakeGateway() as gateway, texting(database, gateway, tmp_path):
        sets = await settled(database, 20)

    assert set(sets) == {Kind.SUBMITTED, Kind.BOUNCED, Kind.RESENT}
    assert (sets[Kind.BOUNCED], sets[Kind.RESENT]) == (BitMap([2]), BitMap([3]))
    assert copies(gateway) == Counter(set(range(20)) - {1, 2})


async def test_a_gateway_that_answers_nobody_slows_no_mail(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """Nor does a task of a thousand mails keep an SMS from being sent."""
    await ready_task(database, handler, 1_000, number=1, channel="sms")
    await ready_task(database, handler, 1_000, number=2)
    hanging = lambda step: Hang() if step.stage == "request" else None  # noqa: E731 - a script
    async with (
        FakeRelay() as relay,
        FakeGateway(hanging) as gateway,
        dispatching(database, relay.port, tmp_path, sms_url=gateway.url),
    ):
        await eventually(lambda: len(gateway.requests) == 10)
        sets = await settled(database, 1_000, task_id=2)

        assert sets[Kind.SUBMITTED] == BitMap(range(1_000))
        assert await recorded(database, 1) == {}


async def test_a_relay_that_is_away_slows_no_sms(database: Database, handler: Handler, tmp_path: Path) -> None:
    await ready_task(database, handler, 200, number=1)
    await ready_task(database, handler, 200, number=2, channel="sms")
    async with FakeGateway() as gateway, dispatching(database, 1, tmp_path, sms_url=gateway.url):
        sets = await settled(database, 200, task_id=2)

    assert sets[Kind.SUBMITTED] == BitMap(range(200))


async def test_a_channel_with_nothing_to_do_asks_for_work_no_more_often_than_it_sweeps(
    database: Database, handler: Handler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is due on the other one."""
    asked: Counter[str] = Counter()
    waiting = sender.Sender._wait_for_next

    async def counted(self: sender.Sender) -> None:
        asked[self._tools.channel] += 1
        await waiting(self)

    monkeypatch.setattr(sender.Sender, "_wait_for_next", counted)
    await ready_task(database, handler, 2_000)
    slow = lambda step: After(0.002, answer(202))  # noqa: E731 - a script
    async with (
        FakeRelay(lambda step: Hang() if step.stage == "dot" else None) as relay,
        FakeGateway(slow) as gateway,
        dispatching(database, relay.port, tmp_path, sms_url=gateway.url, sweep_seconds="0.2"),
    ):
        await eventually(lambda: asked["sms"] >= 5)
        loop = asyncio.get_running_loop()
        begun, before = loop.time(), asked["sms"]
        await eventually(lambda: asked["sms"] >= before + 5)

    assert loop.time() - begun > 0.5
