"""A small world in which everything is as promised: what the auditor must find nothing in."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pyroaring import BitMap

from services.standalone.audit.counted_outside import Deliveries, Received
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.callback import call_id
from shared.domain.delivery import Kind
from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, TaskId, UserId, shard_of, task_stream
from shared.domain.task import Command, CompleteTask, CreateTask, FreezeAudience, StartTask
from shared.event_store.handle_command import Done, Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.task import TASKS
from shared.ledger.balances import lock_ledger
from shared.ledger.charges import charge_in
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import ACCOUNT
from tests.integration.dispatcher.charging import allow
from tests.integration.tracker.running_projectors import project_in_small_rounds
from tests.integration.tracker.sent_tasks import create_message

PEOPLE = 10  #: of each task: the last one bounced, the others got it
TAKEN = range(PEOPLE - 1)
RATE = 3_600

_LISTED = """
INSERT INTO list (id, account_id, name, version, cdate) VALUES (1, 1, 'All', 1, now()), (2, 2, 'Theirs', 1, now())"""
_PEOPLE = """
INSERT INTO subscriber (id, account_id, email, cdate)
SELECT $1 * 1000 + n, 1, 'p' || n || '.' || $1 || '@example.com', now() FROM generate_series(0, $2::integer - 1) AS n"""
_RECORDS = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT $1, $2::bigint, n, $2 * 1000 + n, 'p' || n || '.' || $2 || '@example.com'
  FROM generate_series(0, $3::integer - 1) AS n"""
_CAMPAIGN = """
INSERT INTO campaign (id, account_id, user_id, version, name, state, list_id, segments, scheduled_at, event_callback,
                      payloads, tasks, held_back, cdate, removed)
VALUES ($1, 1, 1, 1, 'Sale', 'SENDING', 1, '{}', now(), 'https://called.example', '[]', $2, false, now(), false)"""
_CREATED = """
INSERT INTO event (stream, version, type, data, account_id)
VALUES ('campaign-' || $1::bigint, 1, 'campaign.created', '{"event_callback": "https://called.example"}', 1)"""
_JOB = """
WITH made AS (
    INSERT INTO event (stream, version, type, data, account_id)
    SELECT 'job-' || $1::bigint, version, type, '{}', 1
      FROM (VALUES (1, 'job.created'), (2, 'job.started'), (3, 'job.completed')) AS happened (version, type)
), shown AS (
    INSERT INTO job (id, account_id, job_id, kind, name, version, status, cdate, ended_at)
    VALUES ($1, 1, $2, 'export_list_data', 'J', 3, 'completed', now(), now())
    RETURNING id
)
INSERT INTO job_work (id, account_id, user_id, kind, params, ended)
SELECT id, 1, 1, 'export_list_data', '{}', true FROM shown"""
_FILE = """
INSERT INTO export_file (key, job_id, account_id, upload, filename, expires_at)
VALUES ($2, $1, 1, 'u', 'f.csv', now() + interval '1 day')"""
_WINDOW = """
INSERT INTO callback_window (shard, task_id, campaign_id, kind, opened_at, first_ms, ordinals, people, state, attempts)
VALUES ($1, $2, $3, $4, to_timestamp($5), $5 * 1000, $6, $7, 'delivered', 1)
RETURNING number"""


@dataclass
class World:
    """``owner``: may change whatever there is. ``began``: when it was made, unix seconds."""

    owner: Database
    log: DeliveryLog
    began: float
    deliveries: Deliveries = field(default_factory=Deliveries)
    received: Received = field(default_factory=Received)

    async def command(self, task_id: int, *commands: Command) -> None:
        handler = Handler(PostgresEventStore(self.owner), clock.now)
        for command in commands:
            assert isinstance(await handler.handle(TASKS, task_stream(task_id), command, ACCOUNT), Done)

    async def record(self, task_id: int, kind: Kind, ordinals: Iterable[int], batch: int = 0, note: str = "") -> None:
        """In a hold of its own, by the number of the batch."""
        hits = Hits.at_once(ordinals, int(self.began * 1000), note)
        await self.log.append([Segment(task_id, kind, batch, 1, int(kind), hits)])

    async def add_batch(self, task_id: int, number: int, ordinals: Sequence[int], size: int | None = None) -> None:
        """An open one."""
        await self.owner.execute(
            "INSERT INTO batch (shard, task_id, number, ordinals, size, attempt, due_at) "
            "VALUES ($1, $2, $3, $4, $5, 1, 'infinity')",
            *(shard_of(task_id), task_id, number, BitMap(ordinals).serialize(), size or len(ordinals)),
        )

    async def add_window(self, task_id: int, kind: Kind, opened: int, ordinals: Sequence[int]) -> None:
        """``opened``: so many windows after the first, of 30 s each. It was received once."""
        number = await self.owner.fetch_value(
            _WINDOW,
            shard_of(task_id),
            *(task_id, task_id, kind, self.began + 30 * opened, BitMap(ordinals).serialize(), len(ordinals)),
        )
        self.received.add(call_id(task_id, number), b"event=%b" % kind.name.encode())


@asynccontextmanager
async def world_on(database_url: str, tasks: int, first_called: int) -> AsyncIterator[World]:
    """``tasks`` tasks, each of which is completed; from ``first_called`` on they are of campaigns with their numbers,
    each of which has been called. As many jobs with a file each.
    """
    owner = await Database.connect(database_url, role=None)
    world = World(owner, DeliveryLog(owner), clock.now())
    try:
        await owner.execute(_LISTED)
        await create_message(PostgresEventStore(owner), 1)
        await allow(owner, credit=1_000_000)
        for task_id in range(1, tasks + 1):
            await _add_task(world, task_id, called=task_id >= first_called)
            await owner.execute(_JOB, task_id, f"{task_id:024x}")
            await owner.execute(_FILE, task_id, f"key{task_id}")
        await project_in_small_rounds(owner)
        await owner.execute("UPDATE callback_reached SET (store_epoch, xid, position) = (1, pg_current_xact_id(), 0)")
        for task_id in range(1, tasks + 1):
            await world.command(task_id, CompleteTask())
        yield world
    finally:
        await owner.close()


async def _add_task(world: World, task_id: int, *, called: bool) -> None:
    owner, shard = world.owner, int(shard_of(task_id))
    await owner.execute(_PEOPLE, task_id, PEOPLE)
    await world.command(task_id, _wish(task_id, world.began), StartTask(1), FreezeAudience(PEOPLE, {}))
    await owner.execute("INSERT INTO sending (shard, task_id, frozen) VALUES ($1, $2, true)", shard, task_id)
    await owner.execute(_RECORDS, shard, task_id, PEOPLE)
    async with owner.transaction() as connection:
        locked = await lock_ledger(connection, 1)
        assert locked is not None
        assert not await charge_in(locked, task_id, 0, dict.fromkeys(range(PEOPLE), 1), clock.now())
    await world.record(task_id, Kind.SUBMITTED, TAKEN)
    await world.record(task_id, Kind.BOUNCED, [PEOPLE - 1], note="550 5.1.1 no such user")
    for ordinal in TAKEN:
        world.deliveries.take(task_id, ordinal)
        world.deliveries.begin(task_id, world.began + ordinal)
    if called:
        await owner.execute("UPDATE task SET campaign_id = id WHERE id = $1", task_id)
        await owner.execute(_CAMPAIGN, task_id, [task_id])
        await owner.execute(_CREATED, task_id)
        await owner.execute(
            "INSERT INTO callback_line (campaign_id, account_id, due_at) VALUES ($1, 1, 'infinity')", task_id
        )
        await world.add_window(task_id, Kind.SUBMITTED, 0, TAKEN)
        await world.add_window(task_id, Kind.BOUNCED, 0, [PEOPLE - 1])


def _wish(task_id: int, now: float) -> CreateTask:
    return CreateTask(
        task_id=TaskId(task_id),
        account_id=AccountId(1),
        user_id=UserId(1),
        channel="email",
        name="Sale",
        message_id=MessageId(1),
        message_channel="email",
        list_id=ListId(1),
        search_id=None,
        target_known=True,
        rate=RATE,
        in_doubt="resend",
        scheduledtime=Instant(now - 60),
        size=PEOPLE,
    )
