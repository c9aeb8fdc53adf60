"""Says of each send window when it is open next: everybody else compares two moments by the clock of the database."""

import structlog

from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.send_window import next_opening
from shared.postgres.database import Database

log = structlog.get_logger(__name__)

WINDOWS_AT_ONCE = 200


async def reckon_windows(database: Database) -> int:
    """How many have a new opening. One whose time zone this machine does not know stays shut."""
    reckoned = 0
    for row in await database.fetch(STATEMENTS["windows_to_reckon"], WINDOWS_AT_ONCE):
        try:
            opening = next_opening(row["send_window"], row["now"])
        except LookupError as error:
            log.error("window not reckoned", action="window_not_reckoned", task_id=row["task_id"], reason=str(error))
            continue
        times = (opening.opens, opening.closes)
        reckoned += await database.execute(STATEMENTS["set_window"], row["task_id"], row["send_window"], *times)
    return reckoned
