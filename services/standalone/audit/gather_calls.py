"""What receivers of callbacks got, beside the callbacks there are."""

from typing import Final

from services.standalone.audit.checks.calls import CallFacts
from services.standalone.audit.counted_outside import Received
from services.standalone.audit.statements import STATEMENTS
from shared.postgres.database import Database

PAGE: Final = 5_000  #: callbacks


async def gather_calls(database: Database, received: Received) -> CallFacts:
    """Raises DatabaseError."""
    windows: dict[tuple[int, int], tuple[int, str]] = {}
    after = (0, 0)
    while rows := await database.fetch(STATEMENTS["windows_after"], *after, PAGE):
        windows |= {(row["campaign_id"], row["number"]): (row["task_id"], row["state"]) for row in rows}
        after = (rows[-1]["task_id"], rows[-1]["number"])
    return CallFacts(received, windows)
