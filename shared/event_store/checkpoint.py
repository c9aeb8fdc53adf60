"""How far a tail has read, and the lease on being the one who reads on: a row of ``checkpoint`` for each tail.

One process holds it, and when that dies another takes over from where it had got to. The database clock says who may
take it, the holder's own monotonic one when he must stop: his counts from before each renewal, so he stops first.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from shared.event_store.interface import TailPosition
from shared.postgres.database import Database, Unavailable
from shared.postgres.named_queries import load_queries
from shared.runtime import clock

LEASE_SECONDS = 15.0
RENEWALS = 5  #: how often a lease is renewed in its own length

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Somebody else reads on by now, or may."""


@dataclass(slots=True)
class _Lease:
    epoch: int
    at: TailPosition
    renewed: float  #: by the monotonic clock, just before the database was asked


class LeasedCheckpoint:
    """One process's part in a tail, for one loop of it. All methods may raise DatabaseError.

    ``owner``: a number that no other process has. ``seconds``: for how long a holder who fell silent is waited for.
    """

    def __init__(self, database: Database, name: str, owner: int, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._name = name
        self._owner = owner
        self._seconds = seconds
        self._lease: _Lease | None = None
        self._not_before = 0.0  #: when it is worth asking again for what another one holds
        self.renew_seconds = seconds / RENEWALS  #: ``hold`` is to be called at least so often

    async def hold(self) -> TailPosition | None:
        """Where to read on, if that is for this process to do; else None."""
        if self._lease is not None and not await self._renew_if_due(self._lease):
            self._lease = None
        if self._lease is None:
            self._lease = await self._claim()
        return None if self._lease is None else self._lease.at

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renews the lease while the block is at work, however long that takes.

        When it is taken over, or cannot be renewed in time, the block is cancelled and LeaseLost raised.
        """
        lease = self._held()
        if not await self._renew_if_due(lease):
            raise self._lost("taken over")
        limit = asyncio.timeout(self._left(lease))
        try:
            async with limit:
                renewing = asyncio.create_task(self._keep_renewing(lease, limit))
                try:
                    yield
                finally:
                    renewing.cancel()
                    await asyncio.wait({renewing})
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise self._lost("not renewed in time") from error

    async def advance(self, at: TailPosition) -> None:
        """Everything up to ``at`` is done with. Raises LeaseLost, with nothing written."""
        lease = self._held()
        args = (self._name, lease.epoch, at.store_epoch, str(at.xid), at.position)
        if not await self._database.execute(QUERIES["advance_checkpoint"], *args):
            raise self._lost("taken over")
        lease.at = at

    async def release(self) -> None:
        """Lets another one go on at once."""
        if self._lease is not None:
            epoch, self._lease = self._lease.epoch, None
            await self._database.execute(QUERIES["release_checkpoint"], self._name, epoch)

    async def lag(self) -> float:
        """Seconds for which the next event has been waiting, whoever holds the lease; 0 when there is none."""
        return float(await self._database.fetch_value(QUERIES["checkpoint_lag"], self._name) or 0.0)

    async def _claim(self) -> _Lease | None:
        asked = clock.monotonic()
        if asked < self._not_before:
            return None
        row = await self._database.fetch_row(QUERIES["claim_checkpoint"], self._name, self._owner, self._seconds)
        if row is None:
            self._not_before = asked + self.renew_seconds
            return None
        log.info("tail taken over", action="tail_claimed", tail=self._name, epoch=row["epoch"])
        return _Lease(row["epoch"], TailPosition(row["store_epoch"], row["xid"], row["position"]), asked)

    async def _renew_if_due(self, lease: _Lease) -> bool:
        """Whether the lease is still ours."""
        return clock.monotonic() - lease.renewed < self.renew_seconds or await self._renew(lease)

    async def _renew(self, lease: _Lease) -> bool:
        asked = clock.monotonic()
        if not await self._database.execute(QUERIES["renew_checkpoint"], self._name, lease.epoch, self._seconds):
            return False
        lease.renewed = asked
        return True

    async def _keep_renewing(self, lease: _Lease, limit: asyncio.Timeout) -> None:
        while True:
            await asyncio.sleep(self.renew_seconds)
            try:
                ours = await self._renew(lease)
            except Unavailable as error:
                log.warning("lease not renewed", action="lease_not_renewed", tail=self._name, error=str(error))
                continue
            loop = asyncio.get_running_loop()
            limit.reschedule(loop.time() + (self._left(lease) if ours else 0.0))

    def _left(self, lease: _Lease) -> float:
        """Seconds of work, not below 0: the last part of the lease is for stopping."""
        return max(0.0, lease.renewed + self._seconds - self.renew_seconds - clock.monotonic())

    def _held(self) -> _Lease:
        if self._lease is None:
            raise LeaseLost(f"{self._name}: not held")
        return self._lease

    def _lost(self, why: str) -> LeaseLost:
        self._lease = None
        return LeaseLost(f"{self._name}: {why}")
