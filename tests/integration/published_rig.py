"""Tasks with recipients of whom something becomes, as rows; and relays of that to start and kill."""

import asyncio
from collections.abc import Iterable, Sequence

from services.api.relay_deliveries import DeliveryRelay
from shared.bus.interface import EventPublisher
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.postgres.database import Database
from tests.integration.relay_rig import LONG

AT_MS = 1_800_000_000_250
_NUMBERS = iter(range(1, 2**31))

_MESSAGE = """
INSERT INTO message (id, account_id, user_id, channel, name, version, content, cdate)
VALUES (1, $1, 1, 'email', 'Sale', 1, '{}', now())
    ON CONFLICT DO NOTHING"""

_TASK = """
INSERT INTO task (id, account_id, user_id, version, channel, name, message_id, list_id, in_doubt, size, scheduledtime,
                  cdate, started, cancelled, completed)
VALUES ($1, $2, 1, 1, 'email', 'Sale', 1, 1, 'resend', 0, now(), now(), true, false, false)"""

_RECIPIENTS = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT $1, $2::bigint, n, $2::bigint * 100000 + n, 'p' || n || '@example.com'
  FROM generate_series(0, $3::integer - 1) AS n"""

_SUBSCRIBERS = """
INSERT INTO subscriber (id, account_id, email, external_id, cdate)
SELECT $1::bigint * 100000 + n, $2, 't' || $1::bigint || 'p' || n || '@example.com',
       'crm-' || $1::bigint || '-' || n, now()
  FROM generate_series(0, $3::integer - 1) AS n"""


async def add_sent_task(database: Database, task_id: int, account_id: int, recipients: int, known: int = 3) -> None:
    """``known``: so many of the recipients, from 0 on, have an external id."""
    await database.execute(_MESSAGE, account_id)
    await database.execute(_TASK, task_id, account_id)
    await database.execute(_RECIPIENTS, int(shard_of(task_id)), task_id, recipients)
    await database.execute(_SUBSCRIBERS, task_id, account_id, known)


def segment(task_id: int, kind: Kind, ordinals: Iterable[int], at_ms: int = AT_MS) -> Segment:
    columns = HitColumns()
    for ordinal in ordinals:
        columns.add(ordinal, at_ms)
    return Segment(task_id, kind, next(_NUMBERS), 1, 0, columns.take())


async def happened(database: Database, *segments: Segment) -> None:
    await DeliveryLog(database).append(segments)


class RunningDeliveries:
    """A relay of deliveries at work in a task of its own."""

    def __init__(self, database: Database, publisher: EventPublisher, owner: int = 1, lease: float = LONG) -> None:
        self.relay = DeliveryRelay(database, publisher, owner, lease_seconds=lease, sweep_seconds=0.02)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.relay.run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self._task, 20)

    async def kill(self) -> None:
        """As a process that dies: nothing is given back."""
        self._task.cancel()
        await asyncio.wait({self._task})


def first_of_each(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(ids))
