"""Projectors at work in a test: started, killed, and waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

from services.tracker.decisions.judge_bounce import SoftBounceRule
from services.tracker.decisions.judge_harm import HarmLimits
from services.tracker.metrics import Metrics
from services.tracker.projector.leases import ShardLeases
from services.tracker.projector.project import project_round
from services.tracker.projector.projector import Projector
from services.tracker.projector.suppress_returned import ReturnedSuppressor
from shared.event_store.handle_command import Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime import clock
from shared.suppression.address_hash import AddressHashes
from tests.integration.settled_commits import wait_for_settled_commits
from tests.integration.tracker.sent_tasks import NOON

LIMITS = HarmLimits(1000, Decimal(5), Decimal("0.3"))
HASHES = AddressHashes([bytes(range(32))])


def projector_on(
    database: Database, owner: int, limits: HarmLimits = LIMITS, metrics: Metrics | None = None
) -> Projector:
    handler = Handler(PostgresEventStore(database), lambda: NOON)
    suppressor = ReturnedSuppressor(HASHES, SoftBounceRule(3, 30), lambda: NOON, clock.random_id)
    return Projector(database, handler, owner, clock.monotonic, metrics or Metrics(), limits, suppressor)


async def project_all(database: Database, owner: int = 1) -> None:
    """One projector until there is nothing more; the shards of others are taken from them."""
    await database.execute("UPDATE projection SET leased_until = '-infinity' WHERE live")
    await settle(database, projector_on(database, owner))


async def settle(database: Database, projector: Projector) -> None:
    """Steps until everything that was appended is projected, and what follows from it has happened."""
    await wait_for_settled_commits(database)
    while await projector.step():
        pass
    assert await all_projected(database)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def all_projected(database: Database) -> bool:
    """No segment lies behind the checkpoint of its shard."""
    behind = await database.fetch_value(
        """SELECT count(*) FROM segment JOIN projection USING (shard)
            WHERE live AND (segment.store_epoch, segment.xid, segment.position)
                         > (projection.store_epoch, projection.xid, projection.position)"""
    )
    return bool(behind == 0)


def start_projecting(
    database: Database, owner: int, limits: HarmLimits = LIMITS, metrics: Metrics | None = None
) -> asyncio.Task[None]:
    async def project_for_ever() -> None:
        projector = projector_on(database, owner, limits, metrics)
        while True:
            if not await projector.step():
                await asyncio.sleep(0.01)

    return asyncio.create_task(project_for_ever())


async def kill(task: asyncio.Task[None]) -> None:
    """In the middle of whatever it waits for, and without a farewell."""
    assert not task.done(), task.exception()
    task.cancel()
    await asyncio.wait([task])


async def let_leases_run_out(database: Database, living: list[int]) -> None:
    """Of the dead: the clock of the database would do it in 15 seconds."""
    await database.execute(
        "UPDATE projection SET leased_until = '-infinity' WHERE NOT owner = ANY ($1::bigint[])", living
    )


async def project_in_small_rounds(database: Database) -> None:
    await wait_for_settled_commits(database)
    leases = ShardLeases(database, 1)
    await leases.renew()
    while True:
        async with database.transaction() as connection:
            done = await project_round(connection, leases.held, most_bytes=256)
        leases.held.update(done.reached)
        if not done.hits:
            return
