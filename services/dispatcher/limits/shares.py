"""This dispatcher's shares of all limits, leased in Postgres and kept while it lives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.dispatcher.decisions.read_limits import Limit
from services.dispatcher.decisions.share_limits import Share, share_of
from services.dispatcher.limits.bucket import Bucket
from services.dispatcher.limits.statements import STATEMENTS
from shared.postgres.database import Connection, Database, DatabaseError

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 3.0
MARGIN_SECONDS: Final = 2.0  #: a share that ends so soon is not used any more


@dataclass(slots=True)
class Gate:
    """What one limit lets through now."""

    limit: Limit
    bucket: Bucket
    connections: int | None
    open: int = 0  #: connections of ours

    def enter(self) -> bool:
        """Whether one more connection may be opened; it is counted as open until ``leave``."""
        if self.connections is not None and self.open >= self.connections:
            return False
        self.open += 1
        return True

    def leave(self) -> None:
        self.open -= 1

    @property
    def is_overfull(self) -> bool:
        """More is open than our share allows: somebody else waits for it."""
        return self.connections is not None and self.open > self.connections

    def held(self, share: Share) -> int | None:
        """What nobody else may have: an open connection is ours until it is closed."""
        return None if share.connections is None else max(share.connections, self.open)

    def shrink(self, share: Share) -> None:
        """To be called before a share is written: what is given up must not be used once others may have it."""
        if share.connections is not None:
            self.connections = min(self.connections or 0, share.connections)
        if share.rate is not None:
            self.bucket.rate = min(self.bucket.rate or 0.0, share.rate)

    def grow(self, share: Share) -> None:
        """To be called once the share is written."""
        self.connections, self.bucket.rate = share.connections, share.rate

    def shut(self) -> None:
        self.shrink(Share(0, 0.0))


@dataclass(slots=True)
class Shares:
    """All limits by name. Nothing goes through a gate whose lease was not renewed in time."""

    database: Database
    owner: int
    monotonic: Callable[[], float]
    gates: dict[str, Gate] = field(default_factory=dict)
    _until: float = float("-inf")

    @classmethod
    def of(
        cls, database: Database, owner: int, monotonic: Callable[[], float], limits: Mapping[str, Limit]
    ) -> "Shares":
        """``limits``: those that limit something."""
        gates = {
            name: Gate(
                limit,
                Bucket(None if limit.rate is None else 0.0, filled_at=monotonic()),
                None if limit.connections is None else 0,
            )
            for name, limit in limits.items()
        }
        return cls(database, owner, monotonic, gates)

    async def renew(self) -> bool:
        """To be called every RENEW_SECONDS. While Postgres is away the gates shut before others have the shares."""
        if not self.gates:
            return False
        asked_at = self.monotonic()
        try:
            async with self.database.transaction() as connection:
                shares = await self._lease(connection)
        except DatabaseError as error:
            log.warning("limits not renewed", action="limits_not_renewed", reason=str(error)[:200])
            self.expire(self.monotonic())
            return False
        self._until = asked_at + LEASE_SECONDS - MARGIN_SECONDS
        for name, share in shares.items():
            self.gates[name].grow(share)
        return False

    def expire(self, now: float) -> None:
        if now > self._until:
            for gate in self.gates.values():
                gate.shut()

    async def release(self) -> None:
        """Others may have our shares at once. Everything is closed by now."""
        if self.gates:
            await self.database.execute(STATEMENTS["release_shares"], self.owner)

    async def _lease(self, connection: Connection) -> dict[str, Share]:
        names = sorted(self.gates)
        await connection.execute(STATEMENTS["lock_limits"], names)
        others: dict[str, dict[int, Share]] = {name: {} for name in names}
        for row in await connection.fetch(STATEMENTS["shares_of_others"], names, self.owner):
            others[row["name"]][row["owner"]] = Share(row["connections"], row["rate"])
        shares = {name: share_of(self.gates[name].limit, others[name], self.owner) for name in names}
        for name, share in shares.items():
            self.gates[name].shrink(share)
        await connection.execute(
            STATEMENTS["write_shares"],
            names,
            self.owner,
            [self.gates[name].held(shares[name]) for name in names],
            [shares[name].rate for name in names],
            LEASE_SECONDS,
        )
        return shares
