"""Stores hits before whoever brings them is answered: concurrent ones share segments and a commit.

While Postgres is away they are stored in the journal, as the same segments: whether a commit that was not heard of took
place or not, the delivery log knows them by their names and has each once.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.tracker.intake.journal import HitJournal
from services.tracker.metrics import Metrics
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.delivery_log.segments import Segment
from shared.postgres.database import DatabaseError, Unavailable
from shared.postgres.group_commit import GroupCommit
from shared.runtime.time_limit import TimeLimit

WAIT_SECONDS: Final = 5.0  #: how long a reader or a relay waits at most
MOST_WAITING: Final = 10_000  #: hits; what comes beyond is turned away at once
MOST_TOGETHER: Final = 1_000  #: hits in one commit
TRY_SECONDS: Final = 1.5  #: how long Postgres is waited for before the journal is taken
PAUSES_SECONDS: Final = (0.0, 0.1)  #: before each try: one connection that broke is not yet an outage


class NotStored(Exception):
    """Whether the hit is stored is not known; it may be brought again."""


class HitRecorder:
    """``batch``: a negative number that nobody else has; with a part that counts up it identifies our segments."""

    def __init__(self, log: DeliveryLog, batch: int, journal: HitJournal, metrics: Metrics) -> None:
        self._log = log
        self._batch = batch
        self._journal = journal
        self._metrics = metrics
        self._part = 0
        self._waiting = 0
        self._group: GroupCommit[Hit] = GroupCommit(self._commit, limit=MOST_TOGETHER)
        self._limit = TimeLimit(WAIT_SECONDS)
        self._try = TimeLimit(TRY_SECONDS)

    async def record(self, hit: Hit) -> None:
        """Returns once the hit is committed, or in the journal. Raises NotStored."""
        if self._waiting >= MOST_WAITING:
            raise NotStored("too many are waiting")
        self._waiting += 1
        try:
            await self._group.submit(hit, self._limit)
        except (TimeoutError, DatabaseError) as error:
            raise NotStored(type(error).__name__) from error
        finally:
            self._waiting -= 1

    async def _commit(self, hits: Sequence[Hit]) -> None:
        segments = gather_hits(hits, self._batch, self._part)
        self._part += len(segments)
        if self._journal.away or not await self._stored(segments):
            await self._journal.keep("hits", segments)
        for segment in segments:
            self._metrics.hits.labels(segment.kind.name.lower()).inc(len(segment.hits))

    async def _stored(self, segments: Sequence[Segment]) -> bool:
        """False: Postgres is away, and whether they are stored is not known."""
        try:
            with self._try.kept():
                for pause in PAUSES_SECONDS:
                    if pause:
                        await asyncio.sleep(pause)
                    try:
                        await self._log.append_alone(segments)
                    except Unavailable:
                        continue
                    return True
        except TimeoutError:
            pass
        return False
