"""A rate at the relay that feels it: no window of a second or more holds too many MAIL commands, whoever sends them."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from pyroaring import BitMap

from services.dispatcher.sending import send_batch
from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.statements import STATEMENTS
from shared.domain.delivery import Kind
from shared.domain.identifiers import INT63_MAX
from shared.domain.pacing import GRANT_SECONDS
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import copies, dispatching, eventually, ordinal_of, settled
from tests.integration.dispatcher.test_claims import claim, ready_task
from tests.integration.dispatcher.test_pausing import put, slow
from tests.sinks.fake_relay import Action, After, End, FakeRelay, Say, Script, Step


class Watched:
    """When each MAIL came, by the relay's own clock; the script says what becomes of it."""

    def __init__(self, script: Script = lambda step: None) -> None:
        self.mails: list[float] = []
        self._script = script

    def __call__(self, step: Step) -> Action | None:
        if step.stage == "mail":
            self.mails.append(time.monotonic())
        return self._script(step)


def excess(times: Sequence[float], rate: int) -> list[tuple[float, int]]:
    """Every window that begins and ends with a message, and the shortest that are judged: those that hold too many."""
    found = []
    for first, begin in enumerate(times):
        for last in range(first, len(times)):
            window = max(1.0, times[last] - begin)
            count = last - first + 1
            if count > rate * (window + 1) / 3600 + 1 or (window <= 3600 and count > rate):
                found.append((window, count))
    return found


def test_what_is_too_many_is_seen() -> None:
    """One a second and then all at once."""
    assert excess([0.0, 1.0, 2.0, 3.0], 3600) == []
    assert excess([0.0, 0.0, 0.5], 3600) == []
    assert excess([0.0, 0.1, 0.2, 0.3], 3600) == [(1.0, 4)]
    assert excess([0.0, 3599.0], 1) == [(3599.0, 2)]


@pytest.mark.parametrize("rate", [7_200, 36_000, 100_000])
async def test_no_window_holds_too_many_from_several_dispatchers(database: Database, tmp_path: Path, rate: int) -> None:
    """Three that compete, of which one goes and comes back."""
    size = rate * 4 // 3600
    await post_task(database, size, rate=rate)
    watched = Watched()
    async with FakeRelay(watched) as relay, AsyncExitStack() as others:
        for name in ("one", "two"):
            await others.enter_async_context(dispatching(database, relay.port, tmp_path / name))
        for _ in range(3):
            async with dispatching(database, relay.port, tmp_path / "three"):
                more = min(len(watched.mails) + 1, size - 1)
                await eventually(partial(lambda more: len(watched.mails) > more, more))
        sets = await settled(database, size, seconds=60.0)

    assert sets[Kind.SUBMITTED] == BitMap(range(size))
    assert copies(relay) == Counter(range(size))
    assert excess(watched.mails, rate) == []


async def test_a_slow_rate_sends_one_and_then_waits(database: Database, tmp_path: Path) -> None:
    """Ten an hour: a restart and a second dispatcher bring no second one; what waits is held by nobody."""
    await post_task(database, 30, rate=10)
    watched = Watched()
    async with FakeRelay(watched) as relay:
        for number, name in enumerate(("one", "two", "one"), start=2):
            async with dispatching(database, relay.port, tmp_path / name):
                await eventually(lambda: len(relay.ledger) >= 1)
                await post_task(database, 20, number=number)
                await settled(database, 20, task_id=number)
        sent = [ordinal_of(taken.message_id) for taken in relay.ledger if b"person-1-" in taken.recipients[0]]

    assert len(sent) == 1
    assert await database.fetch_value("SELECT count(*) FROM batch WHERE task_id = 1 AND owner IS NOT NULL") == 0
    wait = await database.fetch_value(
        "SELECT extract(epoch FROM next_at - clock_timestamp())::float8 FROM sending WHERE task_id = 1"
    )
    assert 240 < wait <= 360.1


async def test_a_fast_rate_is_no_brake_and_no_flood(database: Database, tmp_path: Path) -> None:
    """Ten million an hour, by two dispatchers: all are sent, and what is counted here stays below it."""
    await post_task(database, 4_000, rate=10_000_000)
    watched = Watched()
    async with (
        FakeRelay(watched) as relay,
        dispatching(database, relay.port, tmp_path / "one"),
        dispatching(database, relay.port, tmp_path / "two"),
    ):
        await settled(database, 4_000, seconds=60.0)

    assert copies(relay) == Counter(range(4_000))
    assert max_in_a_second(watched.mails) <= 10_000_000 * 2 / 3600 + 1


def max_in_a_second(times: Sequence[float]) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] > 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(
    "answer",
    [Say(b"421 4.7.0 that was enough\r\n"), End(), Say(b"451 4.7.1 later\r\n")],
    ids=["421", "hangs up", "refused for now"],
)
async def test_every_attempt_counts(
    database: Database, tmp_path: Path, answer: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay that takes one message in two: what is begun again over another connection wants a grant of its own."""
    monkeypatch.setattr(send_batch, "RELAY_PAUSE_SECONDS", 0.05)
    again = lambda step: answer if step.stage == "rcpt" and step.message % 2 == 0 else None  # noqa: E731 - a script
    watched = Watched(again)
    await post_task(database, 30, rate=36_000)
    fast = {"retry_seconds": ",".join(["0.05"] * 20)}
    async with FakeRelay(watched) as relay, dispatching(database, relay.port, tmp_path, **fast):
        sets = await settled(database, 30, seconds=60.0)

    assert sets[Kind.SUBMITTED] == BitMap(range(30))
    assert len(watched.mails) >= 55
    assert excess(watched.mails, 36_000) == []


async def test_what_a_slow_relay_did_not_take_is_not_sent_in_a_burst(database: Database, tmp_path: Path) -> None:
    """It does not answer for a while, and then to all at once."""
    await post_task(database, 40, rate=18_000)
    opening = asyncio.Event()
    held = Watched(
        lambda step: Say(b"421 4.3.2 not yet\r\n") if step.stage == "mail" and not opening.is_set() else None
    )
    async with FakeRelay(held) as relay, dispatching(database, relay.port, tmp_path, smtp_connections="4"):
        await eventually(lambda: len(held.mails) >= 2)
        opening.set()
        await settled(database, 40, seconds=60.0)

    assert copies(relay) == Counter(range(40))
    assert excess(held.mails, 18_000) == []


async def test_a_slow_rate_goes_by_a_relay_that_is_slow_to_greet(database: Database, tmp_path: Path) -> None:
    """Longer than a grant lasts: the grant waits for the connection."""
    watched = Watched(lambda step: After(0.7, Say(b"220 at last\r\n")) if step.stage == "connect" else None)
    await post_task(database, 5, rate=10)
    async with FakeRelay(watched) as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) >= 1, seconds=20.0)
        wait = await database.fetch_value(
            "SELECT extract(epoch FROM next_at - clock_timestamp())::float8 FROM sending WHERE task_id = 1"
        )

    assert len(watched.mails) == 1
    assert 355 < wait <= 360.1, "the next one after that one, not after the claim"


async def test_what_is_granted_anew_is_no_more(database: Database, handler: Handler) -> None:
    """In the place of the first grant, and not once somebody else had his."""
    await ready_task(database, handler, 1_000, rate=3_600)
    late = (await claim(database, 11, statement="claim_paced"))[0]
    again = await grant_anew(database, late)
    assert again is not None
    assert late.next_grant is not None
    assert again > late.next_grant
    assert await grant_anew(database, late) is None
    assert await claim(database, 12, statement="claim_paced") == []

    await database.execute("UPDATE sending SET next_at = clock_timestamp()")
    other = (await claim(database, 12, statement="claim_paced"))[0]
    assert await grant_anew(database, late) is None
    await put(handler, paused=True)
    assert await grant_anew(database, other) is None
    await put(handler, paused=False)
    assert await grant_anew(database, other) is not None


async def grant_anew(database: Database, late: HeldBatch) -> datetime | None:
    asked = (late.hold.task_id, late.allowed, late.next_grant)
    found: datetime | None = await database.fetch_value(STATEMENTS["grant_anew"], *asked)
    return found


async def test_the_fastest_rate_there_is_stops_nobody(database: Database, tmp_path: Path) -> None:
    await post_task(database, 5, number=1, rate=INT63_MAX)
    await post_task(database, 5, number=2)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        for number in (1, 2):
            await settled(database, 5, task_id=number)


@pytest.mark.parametrize("rate", [10, 600, 100_000])
async def test_over_hours_the_grants_keep_the_rate(database: Database, handler: Handler, rate: int) -> None:
    """The claim itself, asked again and again while the clock of the task is put forward: each grant used as late or as
    early as can be, no window of any length holds too many, no hour more than the rate, and hardly any is given away.
    """
    await ready_task(database, handler, 1_000, rate=rate)
    grants: list[tuple[float, int]] = []
    forward, hours = 0.0, 3 if rate <= 600 else 0.02
    while not grants or grants[-1][0] - grants[0][0] < 3600 * hours:
        at, granted = await grant(database)
        grants.append((at + forward, granted))
        forward += await put_forward(database)

    most = max(
        count_within(grants, window, GRANT_SECONDS + 0.2) - (rate * (window + 1) / 3600 + 1) for window in WINDOWS
    )
    assert most <= 0
    assert count_within(grants, 3600.0, GRANT_SECONDS + 0.2) <= rate
    assert sum(count for _, count in grants) >= rate * hours * 0.99 - 1


WINDOWS = (1.0, 1.5, 2.0, 5.0, 60.0, 600.0, 3600.0)


async def grant(database: Database) -> tuple[float, int]:
    """Takes what may go now and gives the batch back as it was; when that was by the clock of the database."""
    (row,) = await database.fetch(STATEMENTS["claim_paced"], 11, 15.0, 10, "email")
    await database.execute("UPDATE batch SET owner = NULL, leased_until = '-infinity' WHERE owner = 11")
    at = await database.fetch_value(
        "SELECT extract(epoch FROM next_at)::float8 - $1::integer * seconds_each FROM sending", row["allowed"]
    )
    return float(at), int(row["allowed"])


async def put_forward(database: Database) -> float:
    """To the moment at which the next may go; a moment before it there is nothing."""
    assert await database.fetch(STATEMENTS["claim_paced"], 11, 15.0, 10, "email") == []
    row = await database.fetch_row(
        """UPDATE sending SET next_at = clock_timestamp() FROM (SELECT next_at FROM sending FOR UPDATE) AS before
        RETURNING extract(epoch FROM before.next_at - sending.next_at)::float8 AS seconds"""
    )
    assert row is not None
    return float(row["seconds"])


def count_within(grants: Sequence[tuple[float, int]], window: float, latest: float) -> int:
    most = total = first = 0
    for at, count in grants:
        total += count
        while at - grants[first][0] >= window + latest:
            total -= grants[first][1]
            first += 1
        most = max(most, total)
    return most


async def test_a_cancel_mid_batch_stops_two_dispatchers(database: Database, handler: Handler, tmp_path: Path) -> None:
    """No MAIL later than a second after it at the relay; everybody has one state, and they make up the audience."""
    watched = Watched(slow)
    await post_task(database, 5_000)
    async with (
        FakeRelay(watched) as relay,
        dispatching(database, relay.port, tmp_path / "one"),
        dispatching(database, relay.port, tmp_path / "two"),
    ):
        await eventually(lambda: len(relay.ledger) > 200)
        await put(handler, cancelled=True)
        cancelled_at = time.monotonic()
        sets = await settled(database, 5_000)

    assert max(watched.mails) < cancelled_at + 1.0
    assert sets[Kind.SUBMITTED] | sets[Kind.CANCELLED] | sets.get(Kind.HELD, BitMap()) == BitMap(range(5_000))
    states = [sets[Kind.SUBMITTED], sets[Kind.CANCELLED], sets.get(Kind.HELD, BitMap())]
    assert sum(map(len, states)) == 5_000
    assert set(copies(relay)) == set(sets[Kind.SUBMITTED] | sets.get(Kind.HELD, BitMap()))
