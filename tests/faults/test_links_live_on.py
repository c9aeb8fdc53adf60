"""While Postgres is away links live on, and whoever was answered is counted once, however often the tracker dies."""

import asyncio
import base64
import random
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from pyroaring import BitMap

from services.tracker.intake.journal import ORDER
from services.tracker.intake.task_copy import FILE
from shared.delivery_log.ordinal_sets import read_sets, read_totals
from shared.delivery_log.segments import decode_hits
from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKeys, TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from shared.runtime import clock
from tests.faults.auditing import audit, tell
from tests.faults.measured import Measured
from tests.faults.processes import ServiceProcess
from tests.integration.tracker.readers import ONE_CLICK, RECIPIENTS, TASK, subscribe_everybody
from tests.integration.tracker.running_projectors import eventually, project_all
from tests.integration.tracker.sent_tasks import create_message, send_task
from tests.servers.backends import Server

SECRET = bytes(range(32))
DEATHS = 2  #: of the tracker while Postgres is away, and again as many while the journal is replayed
BURST = 60  #: readers at once
WAYS = {"o": TokenKind.OPEN, "c": TokenKind.CLICK, "u": TokenKind.UNSUBSCRIBE}
ANSWERS = {"o": 200, "c": 302, "u": 200}
KINDS = {"o": Kind.OPENED, "c": Kind.CLICKED, "u": Kind.UNSUBSCRIBED}


@dataclass
class Readers:
    """What they asked for, and got an answer to: way and recipient, as often as it was."""

    url: str
    answered: list[tuple[str, int]] = field(default_factory=list)

    async def come(self, dice: random.Random, unsubscribing: Sequence[int]) -> None:
        """Many at once; each answer is as good as if Postgres were there."""
        wanted = [(dice.choice("oc"), dice.randrange(RECIPIENTS)) for _ in range(BURST)]
        wanted += [("u", ordinal) for ordinal in unsubscribing]
        async with aiohttp.ClientSession() as session:
            answers = await asyncio.gather(*(self._ask(session, way, ordinal) for way, ordinal in wanted))
        assert answers == [ANSWERS[way] for way, _ in wanted]
        self.answered += wanted

    async def _ask(self, session: aiohttp.ClientSession, way: str, ordinal: int) -> int:
        token = TokenKeys([SECRET]).web(TASK, ordinal, WAYS[way], int(way == "c"))
        method, body = ("POST", ONE_CLICK) if way == "u" else ("GET", None)
        url = f"{self.url}/{way}/{token}"
        async with session.request(method, url, data=body, allow_redirects=False) as answer:
            return answer.status


def tracker_on(database_url: str, folder: Path) -> tuple[ServiceProcess, str]:
    """A tracker to be killed, and where it answers each time that it is started."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    environment = {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_BUS_URL": "inprocess:",
        "POSTROOM_SECRET": base64.b64encode(SECRET).decode(),
        "POSTROOM_JOURNAL_DIR": str(folder),
        "POSTROOM_TRACKER_PORT": str(port),
        "POSTROOM_BOUNCE_PORT": "0",
    }
    return ServiceProcess("tracker", environment, folder / "tracker.log"), f"http://127.0.0.1:{port}"


async def is_ready(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def is_drained(folder: Path) -> bool:
    return not any(list(folder.glob(f"*.{what}")) for what in ORDER)


async def has_copy(folder: Path) -> bool:
    return (folder / FILE).exists()


async def reborn(tracker: ServiceProcess, url: str) -> None:
    tracker.kill()
    tracker.start()
    await eventually(lambda: is_ready(url))


async def sent_and_subscribed(url: str) -> Database:
    """A task in the middle of sending, its recipients on a list."""
    await migrate(url)
    database = await Database.connect(url)
    store = PostgresEventStore(database)
    await create_message(store, 1)
    await send_task(store, TASK, RECIPIENTS)
    await subscribe_everybody(database)
    return database


async def outage(
    postgres: Server, tracker: ServiceProcess, readers: Readers, leaving: Iterator[int], dice: random.Random
) -> float:
    """Readers come before and while Postgres is away, and the tracker dies in between; when that was over."""
    await readers.come(dice, [next(leaving)])
    postgres.kill()
    for _ in range(DEATHS):
        await readers.come(dice, [next(leaving), next(leaving)])
        await reborn(tracker, readers.url)
    await readers.come(dice, [next(leaving)])
    gone = clock.now()
    postgres.start()
    return gone


async def latest_hit(database: Database) -> float:
    """Unix seconds."""
    rows = await database.fetch("SELECT hits FROM segment")
    return max(max(decode_hits(row["hits"]).times) for row in rows) / 1000


@pytest.mark.fault(
    "F10a",
    "Postgres killed, readers come, the tracker killed and started without it",
    expects="pixel, click and unsubscribe answered; each counted once when it is back, with its time",
)
@pytest.mark.timeout(180)
async def test_whoever_was_answered_while_postgres_was_away_is_counted_once(
    private_postgres: Server, tmp_path: Path, dice: random.Random, rounds: int, measured: Measured
) -> None:
    """Nobody is told to come again; the tracker dies between bursts, and while it brings home what it kept."""
    database = await sent_and_subscribed(private_postgres.url)
    tracker, url = tracker_on(private_postgres.url, tmp_path)
    readers = Readers(url)
    leaving = iter(dice.sample(range(RECIPIENTS), RECIPIENTS))
    tracker.start()
    try:
        await eventually(lambda: is_ready(url))
        await eventually(lambda: has_copy(tmp_path))
        for _ in range(rounds):
            gone = await outage(private_postgres, tracker, readers, leaving, dice)
            began = clock.monotonic()
            for _ in range(DEATHS):
                await asyncio.sleep(dice.uniform(0, 0.3))
                await reborn(tracker, url)
            await eventually(lambda: is_drained(tmp_path))
            measured.add(replayed_seconds=round(clock.monotonic() - began, 1))
            assert await latest_hit(database) <= gone
        tracker.kill()
        await project_all(database)
        sets, totals = await read_sets(database, TASK, [*KINDS.values()]), await read_totals(database, TASK)
        findings = await audit(database)
        ended = await database.fetch("SELECT subscriber_id FROM subscription WHERE ended_at IS NOT NULL")
    finally:
        tracker.kill()
        await database.close()

    assert not findings, tell(findings)
    counted = Counter(way for way, _ in readers.answered)
    for way, kind in KINDS.items():
        assert totals[kind, 0] == counted[way]
        assert sets[kind] == BitMap(ordinal for asked, ordinal in readers.answered if asked == way)
    assert {row["subscriber_id"] - 1000 for row in ended} == {n for way, n in readers.answered if way == "u"}
    measured.add(answered=len(readers.answered), lost=0, counted_twice=0, deaths=2 * DEATHS * rounds, rounds=rounds)
