"""When Postgres is away: readers are answered from the journal, and whoever was answered is counted once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from structlog.testing import capture_logs

from services.tracker.intake.journal import HitJournal
from services.tracker.intake.record import HitRecorder
from services.tracker.intake.replay import Replay
from services.tracker.intake.task_copy import FILE
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.metrics import Metrics
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.gather_hits import Hit
from shared.delivery_log.ordinal_sets import read_sets, read_totals
from shared.delivery_log.segments import Segment, decode_hits
from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, Unavailable
from shared.postgres.migrate import migrate
from shared.runtime import clock
from tests.integration.tracker.readers import ONE_CLICK, TASK, Reader, is_drained, reading
from tests.integration.tracker.running_projectors import HASHES, all_projected, eventually
from tests.integration.tracker.sent_tasks import create_message, send_task
from tests.servers.backends import Server


async def test_hits_survive_connections_that_break(reader: Reader, database: Database, database_url: str) -> None:
    """Whoever was answered is counted, whoever was told to come again at most once, whatever moment it was."""
    enough = asyncio.Event()

    async def keep_opening(ordinal: int) -> list[int]:
        return [await reader.open(ordinal) async for _ in until(enough)]

    opening = asyncio.gather(*(keep_opening(ordinal) for ordinal in range(15)))
    owner = await Database.connect(database_url, role=None)
    for _ in range(10):
        async with asyncio.timeout(20):
            while not await owner.execute(CUT_ALL_OTHERS):  # they are just connecting again
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    enough.set()
    answers = [status for statuses in await opening for status in statuses]
    await owner.close()
    await eventually(lambda: is_drained(reader))
    await eventually(lambda: all_projected(database))

    assert set(answers) <= {200, 503}
    assert answers.count(200) <= (await read_totals(database, TASK))[Kind.OPENED, 0] <= len(answers)


class LosesTheAnswer(DeliveryLog):
    """Commits, and does not hear of it, the first two times."""

    losses = 2

    async def append_alone(self, segments: Sequence[Segment]) -> None:
        await super().append_alone(segments)
        if self.losses:
            self.losses -= 1
            raise Unavailable("the connection was lost")


async def test_a_hit_whose_commit_was_not_heard_of_is_stored_once(
    database: Database, store: PostgresEventStore, tmp_path: Path
) -> None:
    """It is kept in the journal as the same segment, which the log knows."""
    await create_message(store, 1)
    await send_task(store, TASK, 5)
    journal, metrics = HitJournal(tmp_path, 1 << 20, clock.random_id), Metrics()
    recorder = HitRecorder(LosesTheAnswer(database), -5, journal, metrics)
    unsubscriber = Unsubscriber(database, HASHES, journal, clock.random_id, metrics)

    await asyncio.gather(*(recorder.record(Hit(TASK, Kind.OPENED, ordinal, 1)) for ordinal in range(5)))

    kept = journal.waiting_bytes()
    assert not await Replay(database, journal, unsubscriber, metrics).step()
    sizes = await database.fetch("SELECT hits FROM segment")
    assert kept > 0
    assert journal.waiting_bytes() == 0
    assert sum(len(decode_hits(row["hits"])) for row in sizes) == 5


CUT_ALL_OTHERS = """
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""


async def until(enough: asyncio.Event) -> AsyncIterator[None]:
    while not enough.is_set():
        yield


async def test_without_postgres_readers_are_answered_all_the_same(private_postgres: Server, tmp_path: Path) -> None:
    """Pixel, redirect, unsubscribe and receipt; a gateway's SMS is told to come again; the probes stay well."""
    await migrate(private_postgres.url)
    database = await Database.connect(private_postgres.url)
    with capture_logs():  # the loops say every second what is wrong
        async with reading(database, private_postgres.url, tmp_path) as reader:
            await eventually(lambda: is_copied(tmp_path))
            private_postgres.kill()
            away = [*await asyncio.gather(*(ask(reader, kind) for kind in ASKED)), await ask(reader, TokenKind.OPEN)]
            stranger = (await reader.ask("GET", reader.url(TokenKind.CLICK, 1, 1, task=999)))[0]
            sms = await bring_sms(reader)
            probes = [(await reader.ask("GET", reader.tracker.url + path))[0] for path in ("/healthz", "/readyz")]
            private_postgres.start()
            await eventually(lambda: is_drained(reader))
            await eventually(lambda: all_projected(database))
            totals, sets = await read_totals(database, TASK), await read_sets(database, TASK, list(ASKED.values()))
            brought = await bring_sms(reader)
    await database.close()

    assert away == [(200, None), (302, None), (200, None), (200, None), (200, None)]
    assert (stranger, sms, brought) == (503, (503, "2"), (200, None))
    assert probes == [200, 200]
    assert {kind: set(bits) for kind, bits in sets.items()} == {kind: {2} for kind in ASKED.values()}
    assert {kind: totals[kind, 0] for kind in ASKED.values()} == dict.fromkeys(ASKED.values(), 1) | {Kind.OPENED: 2}


ASKED = {
    TokenKind.OPEN: Kind.OPENED,
    TokenKind.CLICK: Kind.CLICKED,
    TokenKind.UNSUBSCRIBE: Kind.UNSUBSCRIBED,
    TokenKind.RECEIPT: Kind.DELIVERED,
}
BODIES = {TokenKind.UNSUBSCRIBE: ONE_CLICK, TokenKind.RECEIPT: {"status": "delivered"}}


async def ask(reader: Reader, kind: TokenKind) -> tuple[int, str | None]:
    url, body = reader.url(kind, 2, int(kind is TokenKind.CLICK)), BODIES.get(kind)
    status, _, headers = await reader.ask("POST" if body else "GET", url, data=body)
    return status, headers.get("Retry-After")


async def is_copied(folder: Path) -> bool:
    return (folder / FILE).exists()


async def bring_sms(reader: Reader) -> tuple[int, str | None]:
    url = f"{reader.tracker.url}/s/{reader.keys.web(1, 0, TokenKind.INBOUND)}"
    sms = {"from": "+447700900123", "to": "60777", "text": "STOP"}
    status, _, headers = await reader.ask("POST", url, json=sms)
    return status, headers.get("Retry-After")
