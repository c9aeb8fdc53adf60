"""Which shards this tracker projects: leases in the table ``projection``, by the clock of the database."""

from collections.abc import Sequence
from typing import Final

import structlog

from services.tracker.decisions.rule_sets import RULE_SETS
from services.tracker.decisions.share_shards import shards_to_take
from services.tracker.projector.project import Reached, reached_of
from services.tracker.projector.statements import STATEMENTS
from shared.postgres.database import Database, Row

log = structlog.get_logger(__name__)

LEASE_SECONDS: Final = 15.0
RENEW_SECONDS: Final = 3.0


class ShardLeases:
    """``owner``: a number nobody else has. ``held`` is how far each of our shards was when last heard of."""

    def __init__(self, database: Database, owner: int) -> None:
        self._database = database
        self._owner = owner
        self._left_alone = 0
        self.held: dict[int, Reached] = {}

    async def renew(self) -> None:
        """Renews what is still ours and takes what is ours to take. From here on ``held`` is what the table says."""
        # Forgotten first: should the answer be lost, what is not known to be ours is not ours.
        self.held = {}
        rows = await self._database.fetch(STATEMENTS["renew_shards"], self._owner, LEASE_SECONDS)
        holders = self._known(await self._database.fetch(STATEMENTS["shard_holders"]))
        wanted = shards_to_take({row["shard"]: row["holder"] for row in holders}, self._owner)
        if wanted:
            epochs = {row["shard"]: row["epoch"] for row in holders}
            seen = [epochs[shard] for shard in wanted]
            rows += await self._database.fetch(
                STATEMENTS["take_shards"], self._owner, LEASE_SECONDS, wanted, seen, list(RULE_SETS)
            )
        self.held = {row["shard"]: reached_of(row) for row in rows}

    async def release(self) -> None:
        """Lets go of all, so that others need not wait for the leases to run out."""
        self.held = {}
        await self._database.execute(STATEMENTS["release_shards"], self._owner)

    def _known(self, holders: Sequence[Row]) -> list[Row]:
        """Those judged by rules we know. The others were rebuilt by a newer version, which must go on with them."""
        known = [row for row in holders if row["rules"] in RULE_SETS]
        left_alone = len(holders) - len(known)
        if left_alone != self._left_alone:
            log.warning("shards of a newer version", action="shards_left_alone", shards=left_alone)
        self._left_alone = left_alone
        return known
