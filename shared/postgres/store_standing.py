"""Whether the database is still in the history in which it was last seen (see the migration store_standing).

A standby that was promoted, a dump in another server, a backup that was played back: in each case the epoch is raised,
so that tails and cursors go on behind all that was read before, and nothing is claimed until it is known what was lost.
"""

from dataclasses import dataclass
from typing import Final

from shared.domain.identifiers import Instant
from shared.postgres.database import Database

#: How long nothing is claimed after a failover: as long as a lease, so that whoever held one has noticed and all
#: processes have brought in what their journals know.
GRACE_SECONDS: Final = 15.0
#: What was not seen for longer was brought back from a backup: somebody has to say that it may go on.
LONGEST_SECONDS: Final = 900.0

_LOOK: Final = """
SELECT store_epoch, system_identifier, held_why, extract(epoch FROM alive_at)::float8 AS alive_at,
       extract(epoch FROM lost_from)::float8 AS lost_from, extract(epoch FROM held_since)::float8 AS held_since
  FROM look_at_store($1::integer, to_timestamp($2::float8), $3, $4)"""
_CONFIRM: Final = "SELECT confirm_store()"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a store: its epoch, when it was last alive by its own clock, and which server it was."""

    store_epoch: int
    alive_at: Instant
    server: int


@dataclass(frozen=True, slots=True)
class Standing:
    seen: Seen
    lost_from: Instant | None  #: what was committed after it, before the last change of history, may be missing
    held_since: Instant | None
    held_why: str | None  #: why nothing is sent until somebody confirms; None: it is not held


async def look_at_store(database: Database, before: Seen | None = None) -> Standing:
    """Notices what has changed, and has everybody else know it. Raises DatabaseError."""
    known = (None, None) if before is None else (before.store_epoch, before.alive_at)
    [row] = await database.fetch(_LOOK, *known, GRACE_SECONDS, LONGEST_SECONDS)
    seen = Seen(row["store_epoch"], Instant(row["alive_at"]), row["system_identifier"])
    return Standing(seen, row["lost_from"], row["held_since"], row["held_why"])


async def confirm_store(database: Database) -> bool:
    """A store that was brought back may go on; False: it was not held. Raises DatabaseError."""
    return bool(await database.fetch_value(_CONFIRM))
