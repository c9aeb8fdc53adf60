"""Batches are claimed by one, kept by renewing, lost by stalling, and concluded once."""

import asyncio
from typing import Any

import pytest
from pyroaring import BitMap

from services.dispatcher.decisions.settle_batch import Settlement
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.sending.held_batch import HeldBatch, read_held
from services.dispatcher.sending.keep_leases import LeaseKeeper
from services.dispatcher.sending.record_outcomes import conclusion
from services.dispatcher.sending.statements import STATEMENTS
from shared.domain.identifiers import Channel
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task

OWNER, OTHER = 11, 12


async def ready_task(
    database: Database,
    handler: Handler,
    size: int,
    *,
    number: int = 1,
    rate: int | None = None,
    channel: Channel = "email",
    content: dict[str, Any] | None = None,
) -> None:
    await post_task(database, size, number=number, rate=rate, channel=channel, content=content)
    await start_due_tasks(database, handler)
    await freeze_one_audience(database, handler, OWNER)


async def claim(
    database: Database,
    owner: int,
    limit: int = 1_000,
    statement: str = "claim_batches",
    channel: Channel = "email",
    *,
    blocked: bool = False,
) -> list[HeldBatch]:
    more = () if statement == "claim_paced" else (blocked,)
    rows = await database.fetch(STATEMENTS[statement], owner, 15.0, limit, channel, *more)
    return [read_held(row, 0.0, paced=statement == "claim_paced") for row in rows]


async def expire_leases(database: Database) -> None:
    await database.execute("UPDATE batch SET leased_until = '-infinity'")


async def conclude(database: Database, batch: HeldBatch, owner: int, **parts: BitMap) -> None:
    sets = {name: parts.get(name, BitMap()) for name in ("failed", "retry", "resend", "held", "cancelled", "remaining")}
    write = conclusion(batch, owner, Settlement(**sets), rest_pause=0.0, retry_pause=0.0)
    await database.execute(write.statement, *write.args)


async def test_each_batch_goes_to_one_of_many(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 2_000)

    claimed = await asyncio.gather(*(claim(database, owner, 9) for owner in range(1, 9)))

    ordinals = [ordinal for batches in claimed for batch in batches for ordinal in batch.ordinals]
    assert sorted(ordinals) == list(range(2_000))
    assert not any(batch.taken_over for batches in claimed for batch in batches)


@pytest.mark.parametrize("rate", [None, 3_600])
async def test_a_sender_claims_and_waits_for_what_is_of_its_channel(
    database: Database, handler: Handler, rate: int | None
) -> None:
    """What is due on the other one is none of its business: it would never be claimed, and asked for without end."""
    await ready_task(database, handler, 10, channel="sms", rate=rate)
    statement = "claim_batches" if rate is None else "claim_paced"

    assert await database.fetch_value(STATEMENTS["next_due"], "email") is None
    assert await database.fetch_value(STATEMENTS["next_due"], "sms") <= 0
    assert await claim(database, OWNER, statement=statement) == []
    assert len(await claim(database, OWNER, statement=statement, channel="sms")) == 1


async def test_a_batch_whose_lease_ran_out_is_taken_over_with_a_higher_epoch(
    database: Database, handler: Handler
) -> None:
    await ready_task(database, handler, 10)
    (before,) = await claim(database, OWNER)
    assert await claim(database, OTHER) == []
    await expire_leases(database)

    (after,) = await claim(database, OTHER)

    assert after.taken_over
    assert after.hold.epoch == before.hold.epoch + 1


@pytest.mark.parametrize("statement", ["claim_batches", "claim_paced"])
async def test_a_claim_after_a_change_of_history_is_none_of_before(
    database: Database, owner: Database, handler: Handler, statement: str
) -> None:
    """Claims that the store has lost had numbers it does not know: none of them is given out again."""
    await ready_task(database, handler, 3, rate=36_000 if statement == "claim_paced" else None)
    await owner.execute("UPDATE store SET store_epoch = 3")

    (first,) = await claim(database, OWNER, statement=statement)
    await expire_leases(database)
    await owner.execute("UPDATE sending SET next_at = now()")
    (second,) = await claim(database, OTHER, statement=statement)

    assert (first.hold.epoch, second.hold.epoch) == (2 * 65_536 + 1, 2 * 65_536 + 2)


async def test_a_batch_given_back_is_nobody_s_doubt(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    await conclude(database, held, OWNER, remaining=BitMap([3, 4]))

    (again,) = await claim(database, OTHER)

    assert (again.taken_over, set(again.ordinals), again.attempt) == (False, {3, 4}, 1)


async def test_those_refused_for_now_become_a_batch_of_the_next_attempt_once(
    database: Database, handler: Handler
) -> None:
    """Concluding twice (a commit whose answer was lost) makes no second batch."""
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    await conclude(database, held, OWNER, retry=BitMap([7]), remaining=BitMap([3]))
    await conclude(database, held, OWNER, retry=BitMap([7]), remaining=BitMap([3]))

    found = sorted((batch.attempt, set(batch.ordinals)) for batch in await claim(database, OTHER))

    assert found == [(1, {3}), (2, {7})]


async def test_who_was_overtaken_concludes_nothing(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    await expire_leases(database)
    (taken,) = await claim(database, OTHER)

    await conclude(database, held, OWNER, retry=BitMap([7]))

    rows = await database.fetch("SELECT number, done, owner FROM batch")
    assert [(row["number"], row["done"], row["owner"]) for row in rows] == [(taken.hold.batch, False, OTHER)]


async def test_the_keeper_renews_what_is_its_own_and_drops_what_is_not(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 40)
    kept, lost = await claim(database, OWNER)
    keeper = LeaseKeeper(database, OWNER, lambda: 100.0)
    keeper.hold(kept)
    keeper.hold(lost)
    await database.execute("UPDATE batch SET epoch = epoch + 1, owner = $1 WHERE number = $2", OTHER, lost.hold.batch)

    await keeper.look()

    assert (kept.halt, lost.halt) == (None, "lost")
    assert kept.may_finish(114.0 - 2.0)
    assert not kept.may_finish(114.0), "so close to the end of the lease nothing may be handed over"


async def test_a_cancel_reaches_whoever_holds_a_batch(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    keeper = LeaseKeeper(database, OWNER, lambda: 0.0)
    keeper.hold(held)
    await database.execute("UPDATE task SET cancelled = true WHERE id = 1")

    await keeper.look()

    assert held.halt == "cancelled"
    assert not held.may_start(0.0)
    assert not held.may_finish(0.0)


@pytest.mark.parametrize("older_first", [True, False])
async def test_of_two_holds_on_one_batch_the_newer_is_kept(
    database: Database, handler: Handler, older_first: bool
) -> None:
    """A process that froze for longer than the lease may claim anew what it still holds."""
    await ready_task(database, handler, 10)
    (old,) = await claim(database, OWNER)
    await expire_leases(database)
    (new,) = await claim(database, OWNER)
    keeper = LeaseKeeper(database, OWNER, lambda: 100.0)
    for batch in (old, new) if older_first else (new, old):
        keeper.hold(batch)

    await keeper.look()

    assert (old.halt, new.halt) == ("lost", None)
    assert new.may_finish(112.0)


async def test_what_was_lost_is_not_this_process_s_to_cancel(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    keeper = LeaseKeeper(database, OWNER, lambda: 0.0)
    keeper.hold(held)
    await expire_leases(database)
    await claim(database, OTHER)
    await database.execute("UPDATE task SET cancelled = true WHERE id = 1")

    await keeper.look()

    assert held.halt == "lost"


@pytest.mark.parametrize(("rate", "allowed"), [(10, 1), (3_600, 1), (90_030, 10), (10_000_000, 20)])
async def test_a_rate_grants_a_burst_and_then_makes_wait(
    database: Database, handler: Handler, rate: int, allowed: int
) -> None:
    """However many ask, one burst is granted; the next only when its time has come by the clock of the database."""
    await ready_task(database, handler, 100, rate=rate)
    assert await claim(database, OWNER) == []

    granted = await asyncio.gather(*(claim(database, owner, statement="claim_paced") for owner in range(1, 5)))

    batches = [batch for found in granted for batch in found]
    if rate <= 90_030:
        assert [batch.allowed for batch in batches] == [allowed]
        wait = await database.fetch_value("SELECT extract(epoch FROM next_at - clock_timestamp())::float8 FROM sending")
        assert allowed * 3_601 / rate - 1 < wait <= allowed * 3_601 / rate
    else:
        assert {batch.allowed for batch in batches} == {allowed}
