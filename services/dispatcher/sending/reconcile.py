"""After a change of history: what the journals know and the store has lost is brought in, before anything is claimed.

A promoted standby has not got the last commits: claims, outcomes and charges. Whoever was handed over is in the
journal, also where the outcome was committed, and is taken out of whatever is still to be sent; whoever is in doubt is
settled by his task's policy; whoever was handed over twice all the same is listed as resent. A charge that was lost is
not made again.
"""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

import structlog
from pyroaring import BitMap

from services.dispatcher.decisions.settle_batch import Settlement, Tally, settle
from services.dispatcher.sending.journal import Orphan, kept_journals
from services.dispatcher.sending.journal_records import Findings, Hold, Mark, find_all
from services.dispatcher.sending.record_outcomes import settled_columns
from services.dispatcher.sending.recover import Accepted, replay_journal, stored_outcomes
from services.dispatcher.sending.statements import STATEMENTS
from shared.delivery_log.append import Entry, append_in
from shared.delivery_log.segments import Hits, Segment, by_kind
from shared.domain.delivery import FINAL, Kind
from shared.domain.identifiers import Instant
from shared.postgres.database import Connection, Database, Row

log = structlog.get_logger(__name__)

MARGIN_SECONDS = 60.0  #: so much before the last known moment: clocks differ
DOUBLED_PART = 1 << 21  #: of a hold, the number of the segment that lists who was sent to by somebody else, too

_HANDED_OVER = (Mark.ACCEPTED, Mark.REFUSED)


async def reconcile(
    database: Database, folder: Path, own: int, lost_from: Instant, now: Instant, accepted: Accepted
) -> int:
    """Brings in every journal of the folder that no other process is writing; answers how many tasks they spoke of.

    Again it changes nothing. Raises DatabaseError.
    """
    since_ms = int((lost_from - MARGIN_SECONDS) * 1000)
    found: dict[int, dict[Hold, Findings]] = {}
    for owner, path in kept_journals(folder, own):
        findings = await asyncio.to_thread(_read, path, since_ms)
        await replay_journal(database, Orphan(owner, path, -1, findings), int(now * 1000), accepted)
        for hold, of_hold in findings.items():
            found.setdefault(hold.task_id, {})[hold] = of_hold
    for task_id, holds in sorted(found.items()):
        async with database.transaction() as connection:
            await _list_doubled(connection, task_id, holds, int(now * 1000))
            await _take_out(connection, task_id, own, holds, int(now * 1000))
    log.warning("journals reconciled", action="journals_reconciled", tasks=len(found), lost_from=lost_from)
    return len(found)


def _read(path: Path, since_ms: int) -> dict[Hold, Findings]:
    try:
        return find_all(path.read_bytes(), since_ms)
    except FileNotFoundError:
        return {}


def handed_over(findings: Findings) -> BitMap:
    """Who got an answer for good."""
    return BitMap(ordinal for ordinal, reply in findings.replies.items() if reply.mark in _HANDED_OVER)


async def _list_doubled(connection: Connection, task_id: int, holds: Mapping[Hold, Findings], now_ms: int) -> None:
    """Who was handed over by a hold of these, or may have been, and has an outcome of another one."""
    rows = await connection.fetch(STATEMENTS["finals_of_task"], task_id, [int(kind) for kind in FINAL])
    by_hold: dict[tuple[int, int], BitMap] = {}
    for row in rows:
        by_hold.setdefault((row["batch"], row["epoch"]), BitMap()).update(BitMap.deserialize(row["ordinals"]))
    segments: list[Segment] = []
    for hold, findings in holds.items():
        others = _union(bits for key, bits in by_hold.items() if key != (hold.batch, hold.epoch))
        if doubled := (handed_over(findings) | findings.doubtful) & others:
            hits = Hits.at_once(doubled, now_ms, "sent by two: the database had lost that he was sent to")
            segments.append(Segment(task_id, Kind.RESENT, hold.batch, hold.epoch, DOUBLED_PART, hits))
    await append_in(connection, [Entry(segments, again=True)])


async def _take_out(
    connection: Connection, task_id: int, own: int, holds: Mapping[Hold, Findings], now_ms: int
) -> None:
    """Of whatever waits: nobody is sent to again who was, and whoever is in doubt is settled."""
    sent = _union(handed_over(findings) for findings in holds.values())
    doubtful = _union(findings.doubtful for findings in holds.values()) - sent
    for row in await connection.fetch(STATEMENTS["open_batches"], task_id, own):
        ordinals, resent = BitMap.deserialize(row["ordinals"]), BitMap.deserialize(row["resent"] or _NOBODY)
        if ordinals.isdisjoint(sent | doubtful):
            continue
        tally = Tally(ordinals, sent & ordinals, BitMap(), doubtful & ordinals - resent, resent)
        settlement = settle(tally, row["in_doubt"], retries_left=True, cancelled=False)
        await _put_back(connection, row, settlement, resent, holds, now_ms)


_NOBODY = BitMap().serialize()


async def _put_back(
    connection: Connection, row: Row, settlement: Settlement, resent: BitMap, holds: Iterable[Hold], now_ms: int
) -> None:
    hold = Hold(row["task_id"], row["number"], row["epoch"])
    stored = await stored_outcomes(connection, hold)
    columns = settled_columns(settlement, now_ms, "no reply to the final dot before the database changed")
    segments = by_kind(hold.task_id, hold.batch, hold.epoch, stored.next_part, columns)
    await append_in(connection, [Entry(segments)])
    # No later hold may have the number of one that the store has lost: outcomes are named by it.
    lost = max((other.epoch for other in holds if other.batch == hold.batch), default=0)
    left = settlement.remaining
    marked = (resent | settlement.resend) & left
    args = (left.serialize(), len(left), marked.serialize(), max(hold.epoch, lost))
    await connection.execute(STATEMENTS["put_back"], hold.task_id, hold.batch, *args)


def _union(sets: Iterable[BitMap]) -> BitMap:
    found = BitMap()
    for bits in sets:
        found |= bits
    return found
