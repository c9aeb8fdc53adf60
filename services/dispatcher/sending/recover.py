"""Settles what processes that died left behind, before this one claims anything.

Their journal says which messages were answered and which are in doubt; everybody else of their batches was certainly
not sent.
"""

from collections.abc import Mapping
from pathlib import Path

import structlog
from pyroaring import BitMap

from services.dispatcher.decisions.read_receipt import reference_in
from services.dispatcher.decisions.settle_batch import Tally, settle
from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.journal import Orphan, adopt_orphans, forget_replayed
from services.dispatcher.sending.journal_records import Findings, Hold, Mark
from services.dispatcher.sending.record_outcomes import conclusion, reference_rows, settled_columns
from services.dispatcher.sending.statements import STATEMENTS
from services.dispatcher.sending.take_in_replies import take_in_replies
from shared.delivery_log.append import QUERIES as LOG_QUERIES
from shared.delivery_log.append import Entry, append_in
from shared.delivery_log.segments import HitColumns, Hits, Segment, by_kind
from shared.domain.delivery import FINAL, Kind
from shared.domain.identifiers import Channel
from shared.event_store.interface import Write
from shared.ledger.charges import Refund, refunds_of
from shared.postgres.database import Connection, Database, Row
from shared.runtime import clock, crash_points

log = structlog.get_logger(__name__)

#: The kinds that a channel's word that it took a message stands for.
Accepted = Mapping[Channel, tuple[Kind, ...]]

_NOBODY = BitMap().serialize()

FIRST_REPLAYED_PART = 1 << 20  #: of a hold, the number of the first segment that was not stored by who had it


async def replay_orphans(database: Database, folder: Path, own: int, now: float, accepted: Accepted) -> int:
    """Replays each journal in ``folder`` whose process is gone; answers how many."""
    replayed = 0
    for orphan in adopt_orphans(folder, own):
        try:
            await replay_journal(database, await take_in_replies(orphan), int(now * 1000), accepted)
        except BaseException:
            orphan.leave()
            raise
        orphan.replayed()
        replayed += 1
    forget_replayed(folder, clock.of_host())
    return replayed


async def replay_journal(database: Database, orphan: Orphan, now_ms: int, accepted: Accepted) -> None:
    async with database.transaction() as connection:
        rows = await connection.fetch(STATEMENTS["batches_of_owner"], orphan.owner)
        held = {Hold(row["task_id"], row["number"], row["epoch"]): row for row in rows}
        holds = sorted({*held, *orphan.findings}, key=lambda hold: (hold.task_id, hold.batch, hold.epoch))
        channels = await connection.fetch(STATEMENTS["channels_of"], list({hold.task_id for hold in holds}))
        kinds = {row["task_id"]: accepted[row["channel"]] for row in channels}
        refunds: list[Refund] = []
        for hold in holds:
            row = held.get(hold)
            settled = await _settle(connection, hold, row, orphan, now_ms, kinds.get(hold.task_id, ()))
            if row is not None:
                refunds += refunds_of(row["account_id"], settled, BitMap.deserialize(row["resent"] or _NOBODY))
        texts = {row["task_id"] for row in channels if row["channel"] == "sms"}
        named = [
            _names(hold, orphan.findings[hold]) for hold in holds if hold.task_id in texts and hold in orphan.findings
        ]
        await append_in(connection, [Entry([], [write for write in named if write], refunds)])
        crash_points.reached("journal.replaying")
    crash_points.reached("journal.replayed")
    log.info("journal replayed", action="journal_replayed", owner=orphan.owner, holds=len(held))


async def _settle(
    connection: Connection, hold: Hold, row: Row | None, orphan: Orphan, now_ms: int, accepted: tuple[Kind, ...]
) -> list[Segment]:
    """The segments it was settled with."""
    findings = orphan.findings.get(hold, Findings())
    stored = await stored_outcomes(connection, hold)
    columns = _columns(findings, stored.final | stored.deferred, accepted)
    if row is None:
        # Settled or taken over since: a late outcome is stored with its old epoch and still counts.
        columns.pop(Kind.DEFERRED, None)
        late = by_kind(hold.task_id, hold.batch, hold.epoch, stored.next_part, _taken(columns))
        await append_in(connection, [Entry(late)])
        return late
    batch = _left_behind(hold, row)
    final = stored.final | BitMap(
        o for o, reply in findings.replies.items() if reply.mark in (Mark.ACCEPTED, Mark.REFUSED)
    )
    # The journal knows this hold; what a former one did, from whom the dead process took it over, it does not.
    doubtful = batch.ordinals - stored.deferred_before if batch.taken_over else findings.doubtful
    # Those refused for now stay in the batch and are tried again with it: sooner than planned, and nobody is forgotten.
    tally = Tally(batch.ordinals, final, BitMap(), doubtful, batch.resent)
    settlement = settle(tally, batch.in_doubt, retries_left=True, cancelled=batch.ended is not None)
    doubt = "the sender died before the reply to the final dot"
    segments = by_kind(
        hold.task_id,
        hold.batch,
        hold.epoch,
        stored.next_part,
        [*_taken(columns), *settled_columns(settlement, now_ms, doubt, batch.ended)],
    )
    write = conclusion(batch, orphan.owner, settlement, rest_pause=0.0, retry_pause=0.0)
    await append_in(connection, [Entry(segments, [write])])
    return segments


def _left_behind(hold: Hold, row: Row) -> HeldBatch:
    return HeldBatch(
        hold=hold,
        attempt=row["attempt"],
        ordinals=BitMap.deserialize(row["ordinals"]),
        resent=BitMap.deserialize(row["resent"]) if row["resent"] else BitMap(),
        taken_over=row["taken_over"],
        allowed=0,
        lease_until=0.0,
        pace_until=None,
        in_doubt=row["in_doubt"],
        halt=row["halt"],
    )


def _names(hold: Hold, findings: Findings) -> Write | None:
    """What the gateway called the messages it took: their receipts are still to come."""
    taken = {o: reply.note for o, reply in findings.replies.items() if reply.mark is Mark.ACCEPTED}
    references = {ordinal: name for ordinal, note in taken.items() if (name := reference_in(note))}
    return reference_rows(hold.task_id, references) if references else None


class StoredOutcomes:
    """What the delivery log says of a batch: ``final`` over all its holds, ``deferred`` of this one and
    ``deferred_before`` of the one before it.

    ``next_part`` is out of the reach of the process that had the hold: its last commit may still be under way.
    """

    def __init__(self, rows: list[Row], hold: Hold) -> None:
        self.final = BitMap()
        self.deferred = BitMap()
        self.deferred_before = BitMap()
        self.next_part = FIRST_REPLAYED_PART
        for row in rows:
            ordinals = BitMap.deserialize(row["ordinals"])
            if row["kind"] in FINAL:
                self.final |= ordinals
            if row["epoch"] == hold.epoch:
                self.next_part = max(self.next_part, row["part"] + 1)
            if row["kind"] == Kind.DEFERRED and row["epoch"] == hold.epoch:
                self.deferred |= ordinals
            elif row["kind"] == Kind.DEFERRED and row["epoch"] == hold.epoch - 1:
                self.deferred_before |= ordinals


async def stored_outcomes(source: Connection | Database, hold: Hold) -> StoredOutcomes:
    return StoredOutcomes(await source.fetch(LOG_QUERIES["segments_of_batch"], hold.task_id, hold.batch), hold)


def _columns(findings: Findings, known: BitMap, accepted: tuple[Kind, ...]) -> dict[Kind, HitColumns]:
    kinds = {Mark.ACCEPTED: accepted, Mark.REFUSED: (Kind.BOUNCED,), Mark.DEFERRED: (Kind.DEFERRED,)}
    columns: dict[Kind, HitColumns] = {}
    for ordinal, reply in findings.replies.items():
        if ordinal not in known:
            for kind in kinds.get(reply.mark, ()):
                columns.setdefault(kind, HitColumns()).add_noted(ordinal, reply.time_ms, reply.note)
    return columns


def _taken(columns: dict[Kind, HitColumns]) -> list[tuple[Kind, Hits]]:
    return [(kind, column.take()) for kind, column in columns.items()]
