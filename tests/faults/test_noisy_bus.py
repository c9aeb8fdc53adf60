"""Each hint of the bus comes ten times, in any order, some of them long after all is over: nothing is done twice."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from shared.bus.in_process import InProcess
from shared.bus.interface import Role
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.campaigns import change, make_world, post_campaign
from tests.faults.auditing import audit, deliveries_of, received_of, tell
from tests.faults.counting_relay import CountingRelay
from tests.faults.measured import Measured
from tests.faults.reckoning import copies_of
from tests.integration.watching.whole import whole_on
from tests.sinks.receiver import Receiver

PEOPLE, COPIES, DELAY_SECONDS = 200, 10, 0.5
_TOLD: Final = "SELECT coalesce(sum(people), 0)::bigint FROM callback_window WHERE state = 'delivered'"


@dataclass
class NoisyBus:
    """Passes each hint on ten times: some at once, some later, and the last when it is told that an hour is over."""

    bus: InProcess
    dice: random.Random
    passed: int = 0
    kept_back: list[tuple[Role, bytes]] = field(default_factory=list)

    def listen_in(self) -> None:
        """From now on whatever is put is put through this."""
        self._put = self.bus.put
        self.bus.put = self._scatter  # type: ignore[method-assign]  # the bus of this test alone

    async def an_hour_later(self) -> None:
        """All that was kept back, in any order."""
        self.dice.shuffle(self.kept_back)
        for role, body in self.kept_back:
            await self._put(role, body)
        self.passed += len(self.kept_back)

    async def _scatter(self, role: Role, body: bytes) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(COPIES - 1):
            delay = self.dice.choice((0.0, self.dice.uniform(0, DELAY_SECONDS)))
            loop.call_later(delay, self._put_later, role, body)
        self.kept_back.append((role, body))

    def _put_later(self, role: Role, body: bytes) -> None:
        if not self.bus._closed:
            self.passed += 1
            self.bus._waiting[role].put_nowait(body)


@pytest.mark.timeout(120)
@pytest.mark.fault("F17", "each hint ten times, shuffled, late by up to an hour", expects="nothing is done twice")
async def test_no_repeat_of_a_hint_does_anything(
    database_url: str, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Campaigns with callbacks: what was sent, counted and told is what would be without the noise."""
    database = await Database.connect(database_url)
    bus = InProcess()
    noise = NoisyBus(bus, dice)
    noise.listen_in()
    async with CountingRelay() as relay, Receiver() as receiver:
        await make_world(database, PEOPLE)
        async with whole_on(database, bus, tmp_path / "journal", int(relay.url.split(":")[2].split("?")[0])) as whole:
            for number in range(1, rounds + 1):
                await whole.call("POST", "/list", {"name": f"wakes the planner {number}"})
                await post_campaign(database, number=number, state="SCHEDULED", channels=("email",))
                await change(database, number, event_callback=receiver.url, state="READY")
            async with asyncio.timeout(60):
                while await database.fetch_value("SELECT count(*) FROM task WHERE completed") < rounds:
                    await asyncio.sleep(0.02)
            await noise.an_hour_later()
            await until_told(database, 2 * PEOPLE * rounds)
    findings = await audit(database, deliveries=deliveries_of(relay), received=received_of(receiver))
    hits = await database.fetch(
        "SELECT kind, sum(hits)::bigint AS hits FROM hit_series WHERE kind = ANY ($1) AND link = 0 GROUP BY 1",
        [Kind.SUBMITTED, Kind.DELIVERED],
    )
    await database.close()

    copies, people = (
        copies_of(relay.taken),
        Counter(person for request in receiver.requests for person in request.people),
    )
    measured.add(repeats=noise.passed, lost=PEOPLE * rounds - len(copies), doubled=copies.total() - len(copies))
    measured.add(most_copies=max(copies.values()), told_twice=people.total() - 2 * PEOPLE * rounds, rounds=rounds)
    assert not findings, tell(findings)
    assert noise.passed > COPIES * rounds
    assert set(copies.values()) == {1}
    assert len(copies) == PEOPLE * rounds
    assert {row["hits"] for row in hits} == {PEOPLE * rounds}, "somebody was counted twice"
    assert people.total() == 2 * PEOPLE * rounds


async def until_told(database: Database, people: int) -> None:
    """Once everybody is named in a call for each event."""
    async with asyncio.timeout(60):
        while await database.fetch_value(_TOLD) < people:
            await asyncio.sleep(0.05)
