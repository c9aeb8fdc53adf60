"""Which shards this tracker projects: leases in the table ``projection``, by the clock of the database."""

from typing import Final

from services.tracker.decisions.share_shards import shards_to_take
from services.tracker.projector.project import Reached, reached_of
from services.tracker.projector.statements import STATEMENTS
from shared.postgres.database import Database

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 3.0


class ShardLeases:
    """``owner``: a number nobody else has. ``held`` is how far each of our shards was when last heard of."""

    def __init__(self, database: Database, owner: int) -> None:
        self._database = database
        self._owner = owner
        self.held: dict[int, Reached] = {}

    async def renew(self) -> None:
        """Renews what is still ours and takes what is ours to take. From here on ``held`` is what the table says."""
        # Forgotten first: should the answer be lost, what is not known to be ours is not ours.
        self.held = {}
        rows = await self._database.fetch(STATEMENTS["renew_shards"], self._owner, LEASE_SECONDS)
        holders = await self._database.fetch(STATEMENTS["shard_holders"])
        wanted = shards_to_take({row["shard"]: row["holder"] for row in holders}, self._owner)
        if wanted:
            epochs = {row["shard"]: row["epoch"] for row in holders}
            seen = [epochs[shard] for shard in wanted]
            rows += await self._database.fetch(STATEMENTS["take_shards"], self._owner, LEASE_SECONDS, wanted, seen)
        self.held = {row["shard"]: reached_of(row) for row in rows}

    async def release(self) -> None:
        """Lets go of all, so that others need not wait for the leases to run out."""
        self.held = {}
        await self._database.execute(STATEMENTS["release_shards"], self._owner)
