"""Reads the delivery log in the order of its commits, each shard from its own checkpoint.

A reader stops below ``pg_snapshot_xmin``, where no transaction is open any more: nothing can commit behind him.
"""

from array import array
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from shared.delivery_log.segments import BadSegment, Hits, decode_hits
from shared.delivery_log.source import Source
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Row
from shared.postgres.named_queries import load_queries

log = structlog.get_logger(__name__)

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

MOST_SEGMENTS = 512  #: in one read, over all shards
MOST_BYTES = 128 * 1024  #: of hits in one read, 8 each however they are stored, and at most one segment more

MOST_COUNTED = 10_000  #: segments that wait

_NO_HITS = Hits(array("I"), array("Q"), array("H"))


@dataclass(frozen=True, slots=True)
class RecordedSegment:
    shard: int
    at: TailPosition
    task_id: int
    kind: Kind
    hits: Hits
    recorded_at: Instant


async def read_after(
    connection: Connection,
    checkpoints: Mapping[int, TailPosition],
    most_bytes: int = MOST_BYTES,
    kinds: Collection[Kind] = tuple(Kind),
    each: int | None = None,
) -> list[RecordedSegment]:
    """The next segments of every shard behind its checkpoint; a shard's own are in order, and none is left out.

    Inside the caller's transaction, whose later statements go by index too. The shards take turns, so that one with
    much to read holds up no other. A segment that this version cannot read ends its shard here, and is logged: whoever
    can read it goes on from there. A segment of a kind not among ``kinds`` is there too, but without its hits.
    ``each``: at most so many of one shard; None: so that all shards together have few.
    """
    each = each or max(8, MOST_SEGMENTS // max(1, len(checkpoints)))
    await connection.execute(QUERIES["go_by_index"])
    rows = await connection.fetch(QUERIES["segments_after"], *_columns(checkpoints), each, most_bytes, list(kinds))
    return list(_readable(rows))


async def oldest_waiting(source: Source, checkpoints: Mapping[int, TailPosition]) -> float:
    """Seconds since the oldest segment behind the checkpoints was recorded, also one the tail holds back; 0.0: none."""
    rows = await source.fetch(QUERIES["oldest_waiting"], *_columns(checkpoints))
    return max(0.0, rows[0]["seconds"] or 0.0)


async def count_waiting(source: Source, checkpoints: Mapping[int, TailPosition]) -> int:
    """The segments behind the checkpoints, held back or not; more than MOST_COUNTED are told as so many."""
    rows = await source.fetch(QUERIES["count_waiting"], *_columns(checkpoints), MOST_COUNTED)
    return int(rows[0]["segments"])


def _columns(checkpoints: Mapping[int, TailPosition]) -> tuple[list[object], ...]:
    positions = checkpoints.values()
    return (
        list(checkpoints),
        [at.store_epoch for at in positions],
        [str(at.xid) for at in positions],
        [at.position for at in positions],
    )


def _readable(rows: Iterable[Row]) -> Iterable[RecordedSegment]:
    ended: set[int] = set()
    for row in rows:
        if row["shard"] in ended:
            continue
        try:
            kind, hits = Kind(row["kind"]), _NO_HITS if row["hits"] is None else decode_hits(row["hits"])
        except (BadSegment, ValueError) as error:
            ended.add(row["shard"])
            log.error("segment cannot be read", action="segment_unreadable", task_id=row["task_id"], error=str(error))
            continue
        at = TailPosition(row["store_epoch"], row["xid"], row["position"])
        yield RecordedSegment(row["shard"], at, row["task_id"], kind, hits, Instant(row["recorded_at"]))
