"""Waiting until what is committed can be read by those who stop below the oldest open transaction.

That one may be anybody's: the server's own housekeeping, or another test's on a server that is shared.
"""

import asyncio

from shared.postgres.database import Database

_SETTLED = """
SELECT coalesce(max(xid::text::bigint) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint, true)
  FROM segment
 WHERE store_epoch = store_epoch()"""


async def wait_for_settled_commits(database: Database, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await database.fetch_value(_SETTLED):
            await asyncio.sleep(0.01)
