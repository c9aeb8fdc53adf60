"""Who of a task was charged, and with how much: sets of ordinals, changed while the account's ledger is locked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from shared.delivery_log.chunks import decode_chunk, encode_chunk, split_by_chunk
from shared.delivery_log.segments import Segment, ordinals_of
from shared.domain.identifiers import Instant, shard_of
from shared.domain.ledger import REFUNDED, Charged, Refunded, cover
from shared.ledger.balances import QUERIES, LockedLedger, lock_ledger
from shared.postgres.database import Connection

Cell = tuple[int, int]  #: units each, and chunk
Charges = dict[Cell, BitMap]


async def charge_in(locked: LockedLedger, task_id: int, batch: int, needs: Mapping[int, int], now: Instant) -> BitMap:
    """Charges whoever was not charged before. ``needs``: units by ordinal. Answers those whom nothing covers."""
    there = await _read(locked.connection, task_id, BitMap(needs))
    paid = BitMap().union(*there.values())
    covered = cover(locked.state, {ordinal: units for ordinal, units in needs.items() if ordinal not in paid})
    if covered.units:
        changed = _cells(covered.units)
        together = {cell: there.get(cell, BitMap()) | members for cell, members in changed.items()}
        await _write(locked.connection, task_id, together)
        units = sum(covered.units.values())
        await locked.record(Charged(task_id, batch, len(covered.units), units, now))
    return BitMap(covered.uncovered)


@dataclass(frozen=True, slots=True)
class Refund:
    """What was charged for these recipients is given back, in the transaction that says what became of them.

    Doing it again changes nothing: they are charged no longer.
    """

    account_id: int
    task_id: int
    batch: int
    ordinals: BitMap
    now: Instant

    @property
    def order(self) -> tuple[int, int]:
        return self.account_id, self.task_id

    async def carry_out(self, connection: Connection) -> None:
        # Also where nobody is charged yet: whoever is about to charge for this batch comes before or after this.
        locked = await lock_ledger(connection, self.account_id)
        if locked is None:
            return
        there = await _read(connection, self.task_id, self.ordinals)
        back = {cell: found for cell, members in there.items() if (found := members & self.ordinals)}
        if not back:
            return
        await _write(connection, self.task_id, {cell: there[cell] - members for cell, members in back.items()})
        recipients = sum(len(members) for members in back.values())
        units = sum(each * len(members) for (each, _), members in back.items())
        await locked.record(Refunded(self.task_id, self.batch, recipients, units, self.now))


def refunds_of(account_id: int, segments: Iterable[Segment], keep: BitMap) -> Sequence[Refund]:
    """For the segments that say of somebody that he was not sent to. ``keep``: may have been sent to before."""
    return [
        Refund(account_id, segment.task_id, segment.batch, ordinals, Instant(max(segment.hits.times) / 1000))
        for segment in segments
        if segment.kind in REFUNDED and (ordinals := ordinals_of(segment.hits) - keep)
    ]


def _cells(units: Mapping[int, int]) -> Charges:
    by_units: dict[int, BitMap] = {}
    for ordinal, each in units.items():
        by_units.setdefault(each, BitMap()).add(ordinal)
    return {(each, chunk): part for each, members in by_units.items() for chunk, part in split_by_chunk(members)}


async def _read(connection: Connection, task_id: int, ordinals: BitMap) -> Charges:
    chunks = [chunk for chunk, _ in split_by_chunk(ordinals)]
    rows = await connection.fetch(QUERIES["charges_of"], task_id, chunks)
    return {(row["units"], row["chunk"]): decode_chunk(row["bits"]) for row in rows}


async def _write(connection: Connection, task_id: int, charges: Charges) -> None:
    rows = [(units, chunk, encode_chunk(members), len(members)) for (units, chunk), members in sorted(charges.items())]
    columns = (list(column) for column in zip(*rows, strict=True))
    await connection.execute(QUERIES["write_charges"], shard_of(task_id), task_id, *columns)
