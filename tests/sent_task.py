"""Makes a task one that was sent to many, without sending: contact records by SQL, what became of them by the log."""

from collections.abc import Iterator

from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import TaskId, shard_of, task_stream
from shared.domain.task import FreezeAudience, StartTask
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock

BATCH = 500  #: ordinals handed over together
APPENDED_AT_ONCE = 400
BEGAN = 1_700_000_000_000  # unix ms

RECORDS = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT $1, $2, n, n + 1000, 'person-' || n || '@example.com' FROM generate_series(0, $3::integer - 1) AS n"""

#: Each how-manieth batch has hits of the kind.
SHARES = {Kind.SUBMITTED: 1, Kind.DELIVERED: 1, Kind.OPENED: 4, Kind.CLICKED: 16, Kind.UNSUBSCRIBED: 64}


async def make_sent(database: Database, owner: Database, task_id: int, recipients: int) -> int:
    """All accepted but the last, who bounced; a quarter opened, one in sixteen clicked. Answers the number of hits."""
    handler, shard = Handler(PostgresEventStore(database), clock.now), int(shard_of(task_id))
    await database.execute("SELECT ensure_task_partitions($1)", task_id)
    await owner.execute(RECORDS, shard, task_id, recipients)
    await database.execute("INSERT INTO sending (shard, task_id, frozen) VALUES ($1, $2, true)", shard, task_id)
    for command in (StartTask(1), FreezeAudience(recipients, {})):
        await handler.handle(TASKS, task_stream(TaskId(task_id)), command, Actor(1))
    segments, log = list(segments_of(task_id, recipients)), DeliveryLog(database)
    for start in range(0, len(segments), APPENDED_AT_ONCE):
        await log.append(segments[start : start + APPENDED_AT_ONCE])
    return sum(len(segment.hits) for segment in segments)


def segments_of(task_id: int, recipients: int) -> Iterator[Segment]:
    for number, first in enumerate(range(0, recipients - 1, BATCH)):
        ordinals = range(first, min(first + BATCH, recipients - 1))
        for part, (kind, share) in enumerate(SHARES.items()):
            if number % share == 0:
                yield Segment(
                    task_id, kind, number, 1, part, Hits.at_once(ordinals, BEGAN + 200 * number + 60_000 * part)
                )
    yield Segment(task_id, Kind.BOUNCED, 2**40, 1, 0, Hits.at_once([recipients - 1], BEGAN, "550 5.1.1 no such user"))
