"""Campaigns that want to be called, with as much of the rest as that needs, and the tracker's part in it."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from standardwebhooks import Webhook

from services.tracker.callbacks.cut_windows import WindowCutter
from services.tracker.callbacks.make_calls import Caller
from services.tracker.callbacks.switchboard import Switchboard
from services.tracker.metrics import Metrics
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind
from shared.domain.egress import EgressRules
from shared.domain.retry_schedule import CALLBACK_RETRIES, RetrySchedule
from shared.egress.client import EgressClient
from shared.postgres.database import Database
from shared.runtime import clock
from shared.sealing import NONCE_SIZE, seal
from tests.integration.settled_commits import wait_for_settled_commits
from tests.sinks.receiver import Receiver, Request

KEY = bytes(range(32))
WEBHOOK_SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
NOON_MS = 1_800_000_000_000
ALL_SHARDS = range(64)
RULES = EgressRules((ip_network("127.0.0.0/8"),))


@dataclass(frozen=True)
class Told:
    """What one request said, its signature proved."""

    id: str
    event: str
    when: int
    people: tuple[str, ...]


def told_by(request: Request, secret: str = WEBHOOK_SECRET) -> Told:
    """Raises WebhookVerificationError unless the library of Standard Webhooks takes it, within five minutes."""
    Webhook(secret).verify(request.body, request.headers, json_parse=False)
    fields = dict(request.fields)
    return Told(request.headers["webhook-id"], fields["event"], int(fields["when"]), tuple(request.people))


def told_by_all(receiver: Receiver) -> list[Told]:
    return [told_by(request) for request in receiver.requests]


@dataclass
class Post:
    """The tracker's part in callbacks, step by step."""

    database: Database
    owner: Database  #: may change what nobody else may
    metrics: Metrics
    cutter: WindowCutter
    switchboard: Switchboard
    egress: EgressClient

    async def cut(self) -> None:
        """All that is in the log, as if its windows had ended, and long after those that were told before."""
        await self.owner.execute(
            "UPDATE segment SET recorded_at = recorded_at - interval '10 minutes' "
            "WHERE recorded_at > now() - interval '5 minutes'"
        )
        await self.owner.execute("UPDATE callback_reached SET told_until = told_until - interval '10 minutes'")
        self.cutter._reached = {}
        await self.cut_ended()

    async def cut_ended(self) -> None:
        """What is in windows that have ended."""
        await wait_for_settled_commits(self.database)
        while await self.cutter.step():
            pass

    async def deliver(self) -> None:
        """Until no campaign has a call that is due."""
        while True:
            await self.switchboard.step()
            served = [task for tasks in self.switchboard._served.values() for task in tasks]
            if not served:
                return
            await asyncio.wait(served)

    async def let_time_pass(self, seconds: float) -> None:
        """For whatever waits, by the clock of the database."""
        await self.owner.execute(
            "UPDATE callback_line SET due_at = due_at - make_interval(secs => $1) WHERE due_at < 'infinity'", seconds
        )

    async def windows(self) -> list[Any]:
        return await self.database.fetch(
            "SELECT number, task_id, campaign_id, kind, state, attempts, last_status, last_error, people, first_ms "
            "FROM callback_window ORDER BY number"
        )

    async def line(self, campaign_id: int) -> Any:
        return await self.database.fetch_row("SELECT * FROM callback_line WHERE campaign_id = $1", campaign_id)


@asynccontextmanager
async def post_on(
    database_url: str,
    window_seconds: int = 30,
    schedule: RetrySchedule = CALLBACK_RETRIES,
    secrets: Sequence[bytes] = (KEY,),
) -> AsyncIterator[Post]:
    """One tracker's; all shards are its own."""
    database = await Database.connect(database_url)
    owner = await Database.connect(database_url, role=None, connections=1)
    metrics = Metrics()
    egress = EgressClient(RULES)
    caller = Caller(database, egress, secrets, schedule, clock.now, lambda: 0.0, metrics)
    cutter = WindowCutter(database, lambda: ALL_SHARDS, window_seconds, metrics, lambda: None)
    switchboard = Switchboard(database, caller, clock.random_id(), metrics, lambda: None)
    try:
        yield Post(database, owner, metrics, cutter, switchboard, egress)
    finally:
        await switchboard.stop()
        await egress.close()
        await owner.close()
        await database.close()


async def add_account(database: Database, account_id: int = 1) -> None:
    sealed = seal([KEY], f"account-{account_id} webhook_secret", WEBHOOK_SECRET.encode(), bytes(NONCE_SIZE))
    await database.execute(
        "INSERT INTO account (id, name, version, cdate, sailthru_secret, webhook_secret) "
        "VALUES ($1, $2, 1, now(), '', $3)",
        account_id,
        f"account {account_id}",
        sealed,
    )


async def add_campaign(
    database: Database, campaign_id: int, url: str | None, channels: Sequence[str] = ("email",), recipients: int = 10
) -> list[int]:
    """Sending, with a task for each channel, whose ids are returned; each has so many recipients, from 0 on."""
    tasks = [campaign_id * 10 + place for place, _ in enumerate(channels)]
    await database.execute(
        """INSERT INTO campaign (id, account_id, user_id, version, name, state, list_id, segments, scheduled_at,
                                 event_callback, payloads, tasks, held_back, cdate, removed)
           VALUES ($1, 1, 1, 1, 'Sale', 'SENDING', 1, '{}', now(), $2, '[]', $3, false, now(), false)""",
        campaign_id,
        url,
        tasks,
    )
    for task_id, channel in zip(tasks, channels, strict=True):
        await add_task(database, task_id, campaign_id, channel)
        await add_recipients(database, task_id, channel, recipients)
    return tasks


async def add_task(database: Database, task_id: int, campaign_id: int | None, channel: str) -> None:
    await database.execute(
        """INSERT INTO task (id, account_id, user_id, version, channel, name, message_id, list_id, in_doubt, size,
                             scheduledtime, cdate, started, cancelled, completed, campaign_id)
           VALUES ($1, 1, 1, 1, $2, 'Sale', 1, 1, 'resend', 0, now(), now(), true, false, false, $3)""",
        task_id,
        channel,
        campaign_id,
    )


async def add_recipients(database: Database, task_id: int, channel: str, recipients: int) -> None:
    spelled = "'p' || n || '+x@example.com'" if channel == "email" else "'+447700' || lpad(n::text, 6, '0')"
    await database.execute(
        f"INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address) "
        f"SELECT 0, $1::bigint, n, n + 1, {spelled} FROM generate_series(0, $2::integer - 1) AS n",
        task_id,
        recipients,
    )


def address(channel: str, ordinal: int) -> str:
    return f"p{ordinal}+x@example.com" if channel == "email" else f"+447700{ordinal:06}"


_PARTS = iter(range(1, 2**31))


def segment(task_id: int, kind: Kind, ordinals: Iterable[int], at_ms: int = NOON_MS) -> Segment:
    columns = HitColumns()
    for ordinal in ordinals:
        columns.add(ordinal, at_ms)
    return Segment(task_id, kind, 0, 1, next(_PARTS), columns.take())


async def happened(database: Database, *segments: Segment) -> None:
    await DeliveryLog(database).append(segments)


async def tell(post: Post, task_id: int, *kinds: Kind, ordinals: Iterable[int] = range(3)) -> None:
    """Each kind in a window of its own."""
    for kind in kinds:
        await happened(post.database, segment(task_id, kind, ordinals, NOON_MS + 5999))
        await post.cut()
