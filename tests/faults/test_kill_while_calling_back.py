"""A tracker may be killed at any moment of a callback: each event is told, and what is told again is the same call."""

import asyncio
import base64
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.faults.auditing import WITHOUT_EVENTS, nothing_found
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.integration.tracker.called_back import (
    KEY,
    add_account,
    add_campaign,
    address,
    happened,
    segment,
    told_by,
)
from tests.sinks.receiver import OK, Receiver, Request

CAMPAIGNS, RECIPIENTS = 5, 3_000
KILLS = 3  #: of each kind; there are more calls than these can take
KINDS = (Kind.SUBMITTED, Kind.DELIVERED, Kind.OPENED)

#: As if the leases of whoever was killed had run out.
EXPIRED = ("UPDATE callback_line SET leased_until = '-infinity'", "UPDATE projection SET leased_until = '-infinity'")


@dataclass
class Deadly:
    """Kills whoever calls, at some calls: by turns before it is answered and just after."""

    tracker: ServiceProcess
    chance: random.Random
    mercy: bool = False
    spared: int = 0  #: so many more
    killed: list[str] = field(default_factory=list)

    async def __call__(self, _: Request) -> bytes | None:
        self.spared -= 1
        if self.mercy or self.spared >= 0:
            return OK
        self.spared = self.chance.randint(0, 4)
        if self.killed.count("unanswered") <= self.killed.count("answered"):
            self.kill("unanswered")
            return None
        asyncio.get_running_loop().call_later(self.chance.random() * 0.003, self.kill, "answered")
        return OK

    def kill(self, when: str) -> None:
        if self.tracker.process is not None and not self.mercy:
            self.tracker.kill()
            self.killed.append(when)


def tracker_for(database_url: str, folder: Path) -> ServiceProcess:
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": base64.b64encode(KEY).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder / "journal"),
        "POSTROOM_METRICS_PORT": "0",
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_BOUNCE_PORT": "0",
        "POSTROOM_TRACKER_URL": "http://127.0.0.1:1",
        "POSTROOM_CALLBACK_WINDOW_SECONDS": "1",
        "POSTROOM_EGRESS_ALLOW": "127.0.0.0/8",
        "POSTROOM_DNS_CHECK": "off",
    }
    return ServiceProcess("tracker", environment, folder / "tracker.log")


async def events_happen(database: Database, tasks: list[int], chance: random.Random) -> None:
    """To each recipient of each task each of the events, once, in commits of all sizes."""
    for kind in KINDS:
        for task in tasks:
            ordinals = list(range(RECIPIENTS))
            chance.shuffle(ordinals)
            while ordinals:
                size = chance.choice((1, 20, 300))
                await happened(database, segment(task, kind, ordinals[:size]))
                del ordinals[:size]
                await asyncio.sleep(chance.random() * 0.02)


async def revive(tracker: ServiceProcess, owner: Database) -> None:
    for statement in EXPIRED:
        await owner.execute(statement)
    tracker.start()


async def live_and_die(tracker: ServiceProcess, owner: Database, deadly: Deadly, chance: random.Random) -> None:
    """Until a call kills it; some die before, whatever they do then."""
    await revive(tracker, owner)
    patience = chance.randint(100, 250) if deadly.killed.count("any moment") < KILLS else 12_000
    for _ in range(patience):
        await asyncio.sleep(0.01)
        if tracker.process is None:
            return
    deadly.kill("any moment")


async def all_told(database: Database, tasks: list[int]) -> bool:
    """Nothing waits, and everybody is in a window."""
    people = await database.fetch_value("SELECT sum(people) FROM callback_window WHERE state = 'delivered'")
    return bool(people == len(tasks) * RECIPIENTS * len(KINDS))


@pytest.mark.timeout(240)
@pytest.mark.fault(
    "F4",
    "kill -9 of a tracker before, in and just after a callback",
    expects="every event told, a repeat is the same call",
)
async def test_each_event_is_told_and_repeats_are_the_same_call(
    database_url: str, tmp_path: Path, dice: random.Random, measured: Measured
) -> None:
    """kill -9 of a tracker: while its calls are under way, just after they were answered, and at any other moment."""
    database, owner = await Database.connect(database_url), await Database.connect(database_url, role=None)
    await add_account(database)
    tracker = tracker_for(database_url, tmp_path)
    deadly = Deadly(tracker, dice)
    async with Receiver(deadly) as receiver:
        tasks = []
        for campaign in range(1, CAMPAIGNS + 1):
            tasks += await add_campaign(database, campaign, f"{receiver.url}/{campaign}", recipients=RECIPIENTS)
        happening = asyncio.create_task(events_happen(database, tasks, dice))
        try:
            while any(deadly.killed.count(when) < KILLS for when in ("unanswered", "answered")):
                await live_and_die(tracker, owner, deadly, dice)
            await happening
            deadly.mercy = True
            await revive(tracker, owner)
            async with asyncio.timeout(60):
                while not await all_told(database, tasks):
                    await asyncio.sleep(0.1)
            await nothing_found(database, receiver, leaving_out=WITHOUT_EVENTS)
        finally:
            happening.cancel()
            tracker.kill()
            await database.close()
            await owner.close()

    for campaign in range(1, CAMPAIGNS + 1):
        calls_are_whole([each for each in receiver.requests if each.line.startswith(f"POST /{campaign} ")])
    calls = {(request.line, told_by(request).id) for request in receiver.requests}
    measured.add(kills=len(deadly.killed), lost=0, calls=len(calls), calls_repeated=len(receiver.requests) - len(calls))


def calls_are_whole(requests: list[Request]) -> None:
    """In order, each id with one body, and in the bodies everybody once for each event."""
    told = [told_by(request) for request in requests]
    numbers = [int(each.id.rsplit("_", 1)[1]) for each in told]
    assert numbers == sorted(numbers)
    bodies = {(each.id, request.body) for each, request in zip(told, requests, strict=True)}
    calls = {each.id: each for each in told}
    assert len(bodies) == len(calls), "a repeat is another call"
    named = sorted((each.event, who) for each in calls.values() for who in each.people)
    expected = sorted((kind.name.lower(), address("email", n)) for kind in KINDS for n in range(RECIPIENTS))
    assert named == expected
