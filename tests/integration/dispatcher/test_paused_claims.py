"""What of a paused task is claimed, kept, started and frozen: nothing, or as ever."""

import pytest

from services.dispatcher.planner import freeze_audience
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS as PLANNER
from services.dispatcher.sending.keep_leases import LeaseKeeper
from services.dispatcher.sending.statements import STATEMENTS
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.test_claims import OTHER, OWNER, claim, ready_task
from tests.integration.dispatcher.test_pausing import put


async def test_what_a_lost_process_held_of_a_paused_task_is_taken_over_at_the_resume(
    database: Database, handler: Handler
) -> None:
    """Without a journal: that somebody else may have sent of it is not forgotten while it rests."""
    await ready_task(database, handler, 20)
    await claim(database, OWNER)
    await database.execute("UPDATE batch SET leased_until = '-infinity'")
    await put(handler, paused=True)
    assert await claim(database, OTHER) == []
    await database.execute(PLANNER["put_off_resting"], 1_000)
    await put(handler, paused=False)

    (batch,) = await claim(database, OTHER)

    assert batch.taken_over


@pytest.mark.parametrize("rate", [None, 90_030], ids=["without a rate", "with a rate"])
async def test_nothing_of_a_paused_task_is_claimed(database: Database, handler: Handler, rate: int | None) -> None:
    """And what is not paused is; and how long to wait for the next one is asked of the others."""
    await ready_task(database, handler, 100, rate=rate)
    await ready_task(database, handler, 20, number=2)
    await put(handler, paused=True)
    statement = "claim_paced" if rate else "claim_batches"

    assert await claim(database, OWNER, statement="claim_paced") == []
    assert {batch.hold.task_id for batch in await claim(database, OWNER)} == {2}
    await database.execute("UPDATE batch SET done = true WHERE task_id = 2")
    assert await database.fetch_value(STATEMENTS["next_due"], "email") is None
    await put(handler, paused=False)
    assert await database.fetch_value(STATEMENTS["next_due"], "email") <= 0
    assert {batch.hold.task_id for batch in await claim(database, OWNER, statement=statement)} == {1}


async def test_a_pause_leaves_the_pace_alone(database: Database, handler: Handler) -> None:
    """What a rate did not use while it rested is not made up for: one burst, and then it waits as ever."""
    await ready_task(database, handler, 100, rate=90_030)
    await put(handler, paused=True)
    await database.execute("UPDATE sending SET next_at = clock_timestamp() - interval '1 hour'")
    await put(handler, paused=False)

    granted = await claim(database, OWNER, statement="claim_paced")
    more = await claim(database, OWNER, statement="claim_paced")

    assert ([batch.allowed for batch in granted], more) == ([10], [])


async def test_a_pause_reaches_whoever_holds_a_batch(database: Database, handler: Handler) -> None:
    """And a cancel that follows it is the last word."""
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    keeper = LeaseKeeper(database, OWNER, lambda: 0.0)
    keeper.hold(held)
    await put(handler, paused=True)
    await keeper.look()
    paused = held.halt

    await put(handler, cancelled=True)
    await keeper.look()

    assert (paused, held.halt) == ("paused", "cancelled")


async def test_a_paused_batch_writes_no_dot_any_more(database: Database, handler: Handler) -> None:
    """A relay that takes its time with DATA does not stretch the second."""
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    assert held.may_finish(0.0)

    held.halt = "paused"

    assert not held.may_start(0.0)
    assert not held.may_finish(0.0)


async def test_a_paused_task_does_not_start(database: Database, handler: Handler) -> None:
    """However long its time is past; resumed it starts at once."""
    await post_task(database, 10)
    await put(handler, paused=True)
    assert await start_due_tasks(database, handler) == 0

    await put(handler, paused=False)

    assert await start_due_tasks(database, handler) == 1


async def test_a_paused_task_is_frozen_to_the_end_and_not_sent(
    database: Database, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is in the audience was decided by its start."""
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 100)
    await post_task(database, 300)
    await start_due_tasks(database, handler)
    await put(handler, paused=True)

    assert await freeze_one_audience(database, handler, OWNER)

    assert await database.fetch_value("SELECT recipients FROM task WHERE id = 1") == 300
    assert await claim(database, OWNER) == []


async def test_what_is_put_off_comes_back_at_its_own_time(database: Database, handler: Handler) -> None:
    """A chunk at a time, nothing that somebody holds, and what waited for another attempt waits for it again."""
    await ready_task(database, handler, 60)
    held, *_ = await claim(database, OWNER, limit=1)
    await database.execute("UPDATE batch SET due_at = due_at + interval '1 hour' WHERE number = 2")
    times = "SELECT number, due_at::text AS due_at FROM batch ORDER BY number"
    before = await database.fetch(times)
    await put(handler, paused=True)

    assert [await database.execute(PLANNER["put_off_resting"], 1) for _ in range(3)] == [1, 1, 0]
    assert await database.execute(PLANNER["call_back_rested"], 10) == 0
    away = await database.fetch_value("SELECT array_agg(number ORDER BY number) FROM batch WHERE due_at > '2900-01-01'")
    await put(handler, paused=False)

    assert away == [1, 2]
    assert held.hold.batch == 0
    assert await database.execute(PLANNER["put_off_resting"], 10) == 0
    assert await database.execute(PLANNER["call_back_rested"], 10) == 2
    assert await database.fetch(times) == before
