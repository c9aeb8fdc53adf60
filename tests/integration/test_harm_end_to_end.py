"""From the relay's refusals to a task that rests: dispatcher and projector at work together."""

import asyncio
from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from services.tracker.decisions.judge_harm import HarmLimits
from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, recorded
from tests.integration.dispatcher.test_pausing import all_given_back, put
from tests.integration.tracker.running_projectors import LIMITS, all_projected, eventually, kill, start_projecting
from tests.sinks.fake_relay import Action, After, FakeRelay, Say, Step

RECIPIENTS = 10_000


def every_tenth_is_dead(step: Step) -> Action | None:
    dead = step.stage == "rcpt" and step.argument.split(b"@")[0].endswith(b"7")
    if dead:
        return Say(b"550 5.1.1 no such user\r\n")
    return After(0.005, Say(b"250 2.0.0 ok\r\n")) if step.stage == "dot" else None


async def test_a_bad_list_stops_itself_and_goes_on_when_a_person_says_so(database_url: str, tmp_path: Path) -> None:
    """Its states add up all the while; in the end everybody has one, and nobody got a second copy."""
    database = await Database.connect(database_url)
    handler = Handler(PostgresEventStore(database), clock.now)
    limits = HarmLimits(200, LIMITS.bounce_percent, LIMITS.complaint_percent)
    await post_task(database, RECIPIENTS)
    projecting = start_projecting(database, 1, limits)
    async with FakeRelay(every_tenth_is_dead) as relay, dispatching(database, relay.port, tmp_path):
        async with asyncio.timeout(60):
            while not await database.fetch_value("SELECT paused FROM task WHERE id = 1"):
                await asyncio.sleep(0.02)
        await all_given_back(database)
        await eventually(lambda: all_projected(database))
        states = await states_of(database)
        assert 200 <= states["accepted"] < RECIPIENTS * 9 // 10
        assert states["accepted"] == len((await recorded(database))[Kind.SUBMITTED])
        assert states["pending"] > 0
        assert sum(states.values()) == RECIPIENTS
        reason = await database.fetch_value("SELECT paused_reason FROM task WHERE id = 1")
        assert "hard bounces" in reason

        await put(handler, paused=False)
        async with asyncio.timeout(100):
            while not await database.fetch_value("SELECT completed FROM task WHERE id = 1"):
                await asyncio.sleep(0.05)
        states = await states_of(database)
    await kill(projecting)

    assert (states["accepted"], states["bounced"]) == (RECIPIENTS * 9 // 10, RECIPIENTS // 10)
    assert copies(relay) == Counter(number for number in range(RECIPIENTS) if number % 10 != 7)
    await database.close()


async def states_of(database: Database) -> dict[str, int]:
    sets = await read_sets(database, 1, Kind)
    return {str(state): count for state, count in count_by_state(BitMap(range(RECIPIENTS)), sets).items()}
