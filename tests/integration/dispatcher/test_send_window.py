"""Outside its window nothing of a task is sent, and nothing is saved up; inside it goes on where it stood."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap

from services.dispatcher.planner.reckon_windows import reckon_windows
from services.dispatcher.planner.statements import STATEMENTS as PLANNER
from services.dispatcher.sending.keep_leases import LeaseKeeper
from services.dispatcher.sending.statements import STATEMENTS
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, ordinal_of, recorded, settled
from tests.integration.dispatcher.test_claims import OTHER, OWNER, claim, ready_task
from tests.integration.dispatcher.test_expiry import shut_window
from tests.integration.dispatcher.test_pausing import all_given_back, everything_looked_at, put, sent_of_it, slow
from tests.sinks.fake_relay import Action, FakeRelay, Step

ALWAYS: Any = {
    "from": "00:00",
    "to": "24:00",
    "timezone": "UTC",
    "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
}


async def shut(handler: Handler) -> None:
    await put(handler, send_window=shut_window(clock.now()))


async def close_in(database: Database, seconds: float) -> None:
    """As a window that is reckoned already, and open until then; the one after it is days away."""
    await database.execute(
        "UPDATE sending SET opens_at = '-infinity', closes_at = clock_timestamp() + $1 * interval '1 second'", seconds
    )


async def test_what_is_held_stops_within_a_second_of_its_end(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """No MAIL later than that; nobody in doubt; and once it is open again exactly the rest is sent."""
    mails: list[float] = []

    def script(step: Step) -> Action | None:
        if step.stage == "mail":
            mails.append(clock.now())
        return slow(step)

    await ready_task(database, handler, 3_000)
    await shut(handler)
    await close_in(database, 0.0)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path):
        await everything_looked_at(database)
        assert sent_of_it(relay) == Counter()
        await close_in(database, 1.0)
        closes = clock.now() + 1.0
        await eventually(lambda: len(sent_of_it(relay)) > 20)
        await all_given_back(database)
        stopped, so_far = max(mails), await recorded(database)
        assert stopped < closes + 1.0
        assert so_far[Kind.SUBMITTED] == BitMap(sent_of_it(relay))
        await put(handler, send_window=None)
        sets = await settled(database, 3_000)

    assert sets == {Kind.SUBMITTED: BitMap(range(3_000)), Kind.DELIVERED: BitMap(range(3_000))}
    assert sent_of_it(relay) == Counter(range(3_000))


async def test_what_waits_for_its_window_stands_in_nobody_s_way(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """It is put off as a row, nothing of it is due, and it costs no attempt; a window that is open sends it."""
    await ready_task(database, handler, 200)
    await shut(handler)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await everything_looked_at(database)
        async with asyncio.timeout(10):
            while await database.fetch_value(
                "SELECT count(*) FROM batch WHERE NOT done AND due_at < now() + interval '1 day'"
            ):
                await asyncio.sleep(0.02)
        assert await database.fetch_value(STATEMENTS["next_due"], "email") is None
        assert sent_of_it(relay) == Counter()
        await put(handler, send_window=ALWAYS)
        sets = await settled(database, 200)

    assert sets[Kind.SUBMITTED] == BitMap(range(200))
    assert sent_of_it(relay) == Counter(range(200))
    assert await database.fetch_value("SELECT max(attempt) FROM batch") == 1


@pytest.mark.parametrize("rate", [None, 90_030], ids=["without a rate", "with a rate"])
async def test_a_window_is_shut_until_it_is_reckoned(database: Database, handler: Handler, rate: int | None) -> None:
    """So nothing slips out between the wish and the reckoning; a shut one is not reckoned again and again."""
    await ready_task(database, handler, 100, rate=rate)
    statement = "claim_paced" if rate else "claim_batches"
    await put(handler, send_window=ALWAYS)
    assert await claim(database, OWNER, statement=statement) == []
    assert [await reckon_windows(database) for _ in range(2)] == [1, 0]
    assert await claim(database, OWNER, statement=statement) != []

    await shut(handler)
    assert [await reckon_windows(database) for _ in range(2)] == [1, 0]
    assert await claim(database, OTHER, statement=statement) == []
    row = await database.fetch_row(
        """SELECT extract(epoch FROM opens_at)::float8 AS opens, extract(epoch FROM closes_at)::float8 AS closes
             FROM sending"""
    )
    assert row is not None
    opens, closes = row["opens"], row["closes"]
    assert clock.now() < opens < closes
    assert datetime.fromtimestamp(opens, UTC).strftime("%H:%M") == "10:00"


async def test_a_window_leaves_the_pace_alone(database: Database, handler: Handler) -> None:
    """What a rate did not use while it was shut is not made up for: one burst, and then it waits as ever."""
    await ready_task(database, handler, 100, rate=90_030)
    await shut(handler)
    await reckon_windows(database)
    await database.execute("UPDATE sending SET next_at = clock_timestamp() - interval '9 hours'")
    await put(handler, send_window=None)

    granted = await claim(database, OWNER, statement="claim_paced")
    more = await claim(database, OWNER, statement="claim_paced")

    assert ([batch.allowed for batch in granted], more) == ([10], [])


async def test_its_end_reaches_whoever_holds_a_batch(database: Database, handler: Handler) -> None:
    await ready_task(database, handler, 10)
    (held,) = await claim(database, OWNER)
    keeper = LeaseKeeper(database, OWNER, lambda: 0.0)
    keeper.hold(held)
    await keeper.look()
    before = held.halt

    await close_in(database, 0.0)
    await keeper.look()

    assert (before, held.halt) == (None, "paused")
    assert not held.may_finish(0.0)


async def test_paused_and_shut_both_must_end(database: Database, handler: Handler) -> None:
    """A resume does not open a window, an open window resumes nothing; and each comes back at its own time."""
    await ready_task(database, handler, 10)
    due = await database.fetch_value("SELECT due_at FROM batch")
    await put(handler, paused=True)
    await shut(handler)
    await reckon_windows(database)
    moved = [await database.execute(PLANNER["put_off_resting"], 10) for _ in range(2)]
    await put(handler, paused=False)
    moved.append(await database.execute(PLANNER["call_back_rested"], 10))
    await put(handler, paused=True, send_window=None)
    moved.append(await database.execute(PLANNER["call_back_rested"], 10))
    await put(handler, paused=False)
    moved.append(await database.execute(PLANNER["call_back_rested"], 10))

    assert moved == [1, 0, 0, 0, 1]
    assert await database.fetch_value("SELECT due_at FROM batch") == due


async def test_a_zone_that_this_machine_does_not_know_stays_shut(database: Database, handler: Handler) -> None:
    """And holds up no other window."""
    await ready_task(database, handler, 10)
    await ready_task(database, handler, 10, number=2)
    await put(handler, send_window={**ALWAYS, "timezone": "Europe/Nowhere"})
    await database.execute(
        "UPDATE sending SET send_window = $1::jsonb, closes_at = '-infinity' WHERE task_id = 2", ALWAYS
    )

    assert await reckon_windows(database) == 1
    assert {batch.hold.task_id for batch in await claim(database, OWNER)} == {2}


async def test_a_cancel_reaches_those_who_wait_for_the_window(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    await ready_task(database, handler, 40)
    await shut(handler)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await everything_looked_at(database)
        await put(handler, cancelled=True)
        sets = await settled(database, 40)

    assert sets[Kind.CANCELLED] == BitMap(range(40))
    assert {ordinal_of(taken.message_id) for taken in relay.ledger if b"person-1-" in taken.recipients[0]} == set()


async def test_a_window_given_at_creation_holds_from_the_first_message(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """The audience is written down when the task is due, whatever the hour."""
    await post_task(database, 20)
    await shut(handler)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await everything_looked_at(database)
        assert await database.fetch_value("SELECT recipients FROM task WHERE id = 1") == 20
        assert sent_of_it(relay) == Counter()
        await put(handler, send_window=ALWAYS)
        await settled(database, 20)

    assert copies(relay)[0] == 2, "of each task the first recipient"
