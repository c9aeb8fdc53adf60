"""Brings what the journal kept into the tables, once: how far it is replayed is committed with it.

Whoever wished to hear no more comes first, oldest first. A record that Postgres refuses is logged and passed over, so
that it holds nobody else up; the file stays for a day.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from services.tracker.decisions.kept_records import Record, decode, only_recipients
from services.tracker.decisions.read_wish import Wished
from services.tracker.intake.journal import HitJournal, JournalFile
from services.tracker.intake.statements import STATEMENTS
from services.tracker.intake.unsubscribe import Unsubscriber
from services.tracker.metrics import Metrics
from shared.delivery_log.append import Entry, append_in
from shared.delivery_log.segments import Segment
from shared.postgres.database import Connection, Contended, Database, DatabaseError, Unavailable
from shared.runtime import clock

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.25  #: how often Postgres is tried, and files of dead processes are looked for
READ_BYTES: Final = 256 * 1024
MOST_WISHES: Final = 50  #: in one transaction; each is some ten statements
MOST_SEGMENTS: Final = 500

Read = tuple[Record, int]  #: a record, and the place where it ends


class Replay:
    def __init__(self, database: Database, journal: HitJournal, unsubscriber: Unsubscriber, metrics: Metrics) -> None:
        self._database = database
        self._journal = journal
        self._unsubscriber = unsubscriber
        self._metrics = metrics

    async def step(self) -> bool:
        """Replays all there is; whether more has come meanwhile. Raises DatabaseError."""
        more = False
        for file in self._journal.files():
            try:
                replayed = await self._replay(file)
                more |= not await self._journal.finish(file, replayed)
            finally:
                self._journal.leave(file)
        return more

    async def forget(self) -> bool:
        """What was replayed long ago; never more."""
        await asyncio.to_thread(self._journal.forget_replayed, clock.of_host())
        return False

    async def _replay(self, file: JournalFile) -> int:
        """How many bytes of it are done with."""
        limit = MOST_SEGMENTS
        while True:
            try:
                known, count = await self._replay_some(file, limit)
            except (Unavailable, Contended):
                raise
            except DatabaseError as error:
                if limit == 1:
                    await self._pass_over(file, error)
                limit = max(1, limit // 8)
                continue
            self._journal.away, limit = False, MOST_SEGMENTS
            if not count and not _read_on(file, known):
                return self._all(file, known)

    async def _replay_some(self, file: JournalFile, limit: int) -> tuple[int, int]:
        """In one transaction: how far it is replayed, and how many records these were."""
        async with self._database.transaction() as connection:
            known = await self._known(connection, file)
            read = _read_on(file, known)[:limit]
            wishes = [record for record, _ in read if isinstance(record, Wished)][:MOST_WISHES]
            if wishes:
                read = read[: len(wishes)]
                for wished in wishes:
                    await self._unsubscriber.carry_out(connection, wished)
            else:
                await _append(connection, [record for record, _ in read if isinstance(record, Segment)])
            await self._advance(connection, file, known, read)
        self._metrics.replayed.inc(len(read))
        return (read[-1][1] + known if read else known), len(read)

    async def _pass_over(self, file: JournalFile, error: DatabaseError) -> None:
        """The next record, which Postgres does not take."""
        async with self._database.transaction() as connection:
            known = await self._known(connection, file)
            await self._advance(connection, file, known, _read_on(file, known)[:1])
        log.error("record refused", action="hit_journal_refused", journal=file.number, at=known, error=str(error)[:200])

    async def _known(self, connection: Connection, file: JournalFile) -> int:
        return int(await connection.fetch_value(STATEMENTS["replayed_of"], file.number) or 0)

    async def _advance(self, connection: Connection, file: JournalFile, known: int, read: Sequence[Read]) -> None:
        if read:
            args = (file.number, known, known + read[-1][1])
            if await connection.fetch_row(STATEMENTS["advance_journal"], *args) is None:
                raise Contended("the journal is replayed by somebody else")

    def _all(self, file: JournalFile, known: int) -> int:
        if known < file.size:
            cut = {"journal": file.number, "at": known, "bytes": file.size - known}
            log.warning("journal ends in what cannot be read", action="hit_journal_cut_short", **cut)
        log.info("journal replayed", action="hit_journal_replayed", journal=file.number, bytes=known)
        return file.size


def _read_on(file: JournalFile, offset: int) -> list[Read]:
    """Some of the records behind ``offset``, their ends counted from there; none: there is no whole one."""
    count = READ_BYTES
    while True:
        read = list(decode(file.read(offset, count)))
        if read or offset + count >= file.size:
            return read
        count *= 4  # of one record


async def _append(connection: Connection, segments: Sequence[Segment]) -> None:
    """Of tasks that there are, for recipients that they have: while Postgres was away nobody could ask."""
    rows = await connection.fetch(STATEMENTS["sizes_of_tasks"], list({segment.task_id for segment in segments}))
    sizes: dict[int, int] = {row["id"]: row["recipients"] for row in rows}
    known = [only_recipients(segment, sizes.get(segment.task_id, 0)) for segment in segments]
    await append_in(connection, [Entry([segment for segment in known if segment])])
