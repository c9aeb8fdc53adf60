"""Asks the store as a whole: one statement a check, each in a read-only transaction of its own."""

from typing import Final

from services.standalone.audit.counted_outside import Deliveries
from services.standalone.audit.read_log import SECONDS
from services.standalone.audit.statements import STATEMENTS as TASK_STATEMENTS
from services.standalone.audit.store.checks import STATEMENTS_ASKED, NoticeFacts, StoreFacts
from services.standalone.audit.store.statements import STATEMENTS
from shared.postgres.database import Database

PAGE: Final = 10_000  #: notices


async def gather_store(database: Database) -> StoreFacts:
    """Raises DatabaseError."""
    return StoreFacts({name: await _ask(database, name) for name in STATEMENTS_ASKED})


async def gather_notices(database: Database, deliveries: Deliveries) -> NoticeFacts:
    """Raises DatabaseError."""
    states: dict[int, str] = {}
    after = 0
    while rows := await database.fetch(STATEMENTS["notices"], after, PAGE):
        states |= {row["id"]: row["state"] for row in rows}
        after = rows[-1]["id"]
    return NoticeFacts(states, deliveries)


async def _ask(database: Database, name: str) -> list[tuple[str, int]]:
    async with database.transaction() as connection:
        await connection.execute(TASK_STATEMENTS["only_read"])
        rows = await connection.fetch_slowly(SECONDS, STATEMENTS[name])
    return [(row["subject"], row["count"]) for row in rows]
