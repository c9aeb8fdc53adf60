"""Settles the notices of processes that died, by the journals they left, before this one claims anything."""

from pathlib import Path
from typing import Final

import structlog

from services.dispatcher.decisions.settle_notice import Said, settle_notice
from services.dispatcher.notices.send_notice import conclusion
from services.dispatcher.notices.statements import STATEMENTS
from services.dispatcher.sending.journal import Orphan, adopt_orphans, forget_replayed
from services.dispatcher.sending.journal_records import Findings, Hold, Mark
from shared.domain.retry_schedule import RetrySchedule
from shared.postgres.database import Connection, Database
from shared.runtime import clock

log = structlog.get_logger(__name__)

SAID: Final[dict[Mark, Said]] = {
    Mark.ACCEPTED: "accepted",
    Mark.REFUSED: "refused",
    Mark.DEFERRED: "deferred",
    Mark.NOT_TAKEN: "not taken",
}


async def replay_notices(database: Database, folder: Path, own: int, schedule: RetrySchedule) -> int:
    """Replays each journal in ``folder`` whose process is gone; answers how many. Raises DatabaseError, OSError."""
    replayed = 0
    for orphan in adopt_orphans(folder, own):
        try:
            async with database.transaction() as connection:
                await _replay(connection, orphan, schedule)
        except BaseException:
            orphan.leave()
            raise
        orphan.replayed()
        replayed += 1
        log.info("journal replayed", action="notice_journal_replayed", owner=orphan.owner, notices=len(orphan.findings))
    forget_replayed(folder, clock.of_host())
    return replayed


async def _replay(connection: Connection, orphan: Orphan, schedule: RetrySchedule) -> None:
    for hold, findings in sorted(orphan.findings.items(), key=lambda found: found[0].batch):
        await _settle(connection, orphan.owner, hold, findings, schedule)
    # Everything else it had was not sent.
    await connection.execute(STATEMENTS["give_back_orphans"], orphan.owner)


async def _settle(connection: Connection, owner: int, hold: Hold, findings: Findings, schedule: RetrySchedule) -> None:
    attempt = await connection.fetch_value(STATEMENTS["attempt_of"], hold.batch, hold.epoch, owner)
    if attempt is None:
        return
    reply = findings.replies.get(0)
    said: Said = "doubtful" if reply is None else SAID[reply.mark]
    text = "the sender died before the reply to the final dot" if reply is None else reply.note
    verdict = settle_notice(said, text, schedule.next_pause(attempt, 0.0))
    await connection.execute(STATEMENTS["conclude_notice"], *conclusion(hold, verdict))
