"""What goes wrong, for the alerts: most of it rows as they are left when something stands still for ten minutes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from unittest.mock import patch

from services.api import serve
from shared.bus.in_process import InProcess
from shared.bus.interface import EventEnvelope, PublishFailed
from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import KEYS
from tests.integration.tracker.called_back import add_campaign
from tests.integration.watching.whole import Whole
from tests.sinks.fake_relay import Say, Step

LATE: Final = "clock_timestamp() - interval '10 minutes'"
NEVER: Final = "clock_timestamp() + interval '1 day'"

#: A due text and a batch of texts, due for another attempt, where there is no gateway; a shard whose next segment
#: cannot be read; a job that somebody has been at for hours; callbacks given up, and some that wait for their first.
STANDING_STILL: Final = (
    f"""INSERT INTO task (id, account_id, user_id, version, channel, name, message_id, list_id, in_doubt, size,
                          scheduledtime, cdate, started, cancelled, completed)
        SELECT 901, 1, 1, 1, 'sms', 'n', id, 1, 'resend', 0, {LATE}, now(), false, false, false FROM message LIMIT 1""",
    "INSERT INTO sending (shard, task_id, frozen, channel) VALUES (0, 902, true, 'sms')",
    f"""INSERT INTO batch (shard, task_id, number, ordinals, size, attempt, due_at)
        VALUES (0, 902, 4294967296, '', 1, 1, {LATE})""",
    f"""INSERT INTO segment (shard, task_id, kind, batch, epoch, part, first_ordinal, last_ordinal, ordinals, hits,
                             recorded_at)
        VALUES (0, 903, 99, 1, 1, 1, 0, 0, '', 'no hits', {LATE})""",
    """INSERT INTO job (id, account_id, job_id, kind, name, version, status, cdate)
        VALUES (1, 1, '1-1', 'import', 'n', 1, 'pending', clock_timestamp() - interval '2 hours')""",
    f"""INSERT INTO job_work (id, account_id, user_id, kind, params, owner, leased_until)
        VALUES (1, 1, 1, 'import', '{{}}', 7, {NEVER})""",
    f"""INSERT INTO callback_line (campaign_id, account_id, state, failures, due_at)
        VALUES (905, 1, 'parked', 9, {NEVER})""",
    f"""INSERT INTO callback_line (campaign_id, account_id, due_at, owner, leased_until)
        VALUES (90, 1, {LATE}, 7, {NEVER})""",
    """INSERT INTO callback_window (shard, task_id, campaign_id, kind, opened_at, first_ms, ordinals, people)
       VALUES (0, 900, 90, 1, now(), (extract(epoch FROM clock_timestamp()) - 600) * 1000, '', 1)""",
)

HELD: Final = """INSERT INTO ordinal_set (shard, task_id, generation, kind, link, chunk, bits, cardinality)
                 VALUES (0, 904, 1, $1, 0, 0, $2, $3)"""


def refuse_us(step: Step) -> Say | None:
    """A relay that wants to know who we are before it takes anything."""
    return Say(b"530 5.7.0 authentication required\r\n") if step.stage == "mail" else None


class DeadBus(InProcess):
    """Takes hints and no events."""

    async def publish(self, envelopes: Sequence[EventEnvelope]) -> None:
        raise PublishFailed("the broker is away")


async def stand_still(owner: Database, held: bytes, submitted: bytes) -> None:
    """``held``: the set of four; ``submitted``: of one of them, who came to another state since."""
    await add_campaign(owner, 90, "http://127.0.0.1:9/", recipients=1)
    for statement in STANDING_STILL:
        await owner.execute(statement)
    await owner.execute(HELD, Kind.HELD, held, 4)
    await owner.execute(HELD, Kind.SUBMITTED, submitted, 1)


@asynccontextmanager
async def used_up(database: Database) -> AsyncIterator[None]:
    """All connections are in use, and somebody waits for one."""
    async with AsyncExitStack() as stack:
        for _ in range(database.use.most):
            await stack.enter_async_context(database.transaction())
        waiting = asyncio.create_task(database.fetch("SELECT 1"))
        async with asyncio.timeout(10):
            while not database.use.waiting:
                await asyncio.sleep(0.01)
        yield
    await waiting


async def turn_away(whole: Whole) -> None:
    """A request that finds too many others under way."""
    with patch.object(serve, "MOST_REQUESTS", -1):
        async with whole.session.get(f"{whole.api.url}/task") as answer:
            assert answer.status == 503


async def lose_a_hit(whole: Whole, owner: Database) -> None:
    """A reader whom a tracker that may not write asks to come again."""
    await owner.execute("REVOKE INSERT ON segment FROM postroom_service")
    token = KEYS.web(1, 0, TokenKind.OPEN)
    async with whole.session.get(f"{whole.tracker.url}/o/{token}") as answer:
        assert answer.status == 503
