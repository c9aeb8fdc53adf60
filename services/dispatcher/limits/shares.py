"""This dispatcher's shares of all limits, leased in Postgres and kept while it lives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from services.dispatcher.decisions.read_limits import Limit
from services.dispatcher.decisions.share_limits import Share, share_of
from services.dispatcher.limits.gate import Gate
from services.dispatcher.limits.statements import STATEMENTS
from shared.postgres.database import Connection, Database, DatabaseError

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 3.0
MARGIN_SECONDS: Final = 2.0  #: a share that ends so soon is not used any more


@dataclass(slots=True)
class Shares:
    """All limits by name. Nothing goes through a gate whose lease was not renewed in time."""

    database: Database
    owner: int
    monotonic: Callable[[], float]
    gates: dict[str, Gate]

    @classmethod
    def of(
        cls, database: Database, owner: int, monotonic: Callable[[], float], limits: Mapping[str, Limit]
    ) -> "Shares":
        """``limits``: those that limit something, by name."""
        return cls(database, owner, monotonic, {name: Gate(limit) for name, limit in limits.items()})

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
            return False
        for name, share in shares.items():
            self.gates[name].grow(share, self.monotonic(), until=asked_at + LEASE_SECONDS - MARGIN_SECONDS)
        return False

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
            self.gates[name].shrink(share, self.monotonic())
        await connection.execute(
            STATEMENTS["write_shares"],
            names,
            self.owner,
            [self.gates[name].held(shares[name]) for name in names],
            [shares[name].rate for name in names],
            LEASE_SECONDS,
        )
        return shares
