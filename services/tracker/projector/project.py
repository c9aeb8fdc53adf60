"""One round of the projection: what is new in the log goes into sets and series, in one transaction
with its checkpoint.

Nothing is remembered between rounds but how far each shard is; what a round adds to is read in the round. So a round
that fails, or whose outcome is not known, is simply done again from where the table says.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pyroaring import BitMap

from services.tracker.decisions.count_hits import Additions, SeriesKey, SetKey, count_hits
from services.tracker.decisions.rule_sets import RULE_SETS
from services.tracker.projector.statements import STATEMENTS
from shared.delivery_log.chunks import decode_chunk, encode_chunk
from shared.delivery_log.portions import Portion
from shared.delivery_log.tail import MOST_BYTES, RecordedSegment, read_after
from shared.domain.delivery import FINAL, Kind
from shared.domain.identifiers import shard_of
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Row
from shared.runtime import crash_points

_WEIGHED: Final = (Kind.SUBMITTED, Kind.BOUNCED, Kind.COMPLAINED)

#: What else follows from the segments of a round, in its transaction.
Also = Callable[[Connection, Sequence[RecordedSegment]], Awaitable[None]]


class LeaseLost(Exception):
    """Somebody else projects one of these shards now; nothing of the round was stored."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far one shard of one generation is projected, by which rules, and the epoch of the lease to go on with."""

    generation: int
    epoch: int
    at: TailPosition
    rules: int


@dataclass(frozen=True, slots=True)
class Round:
    reached: Mapping[int, Reached]  #: the shards that went on, by number
    hits: int
    settled: frozenset[int]  #: tasks of which recipients came to a final state
    weighed: frozenset[int]  #: tasks of which the share of bounces or complaints may have changed
    following: Portion  #: how much the next round should take


def position_of(row: Row) -> TailPosition:
    return TailPosition(row["store_epoch"], row["xid"], row["position"])


def reached_of(row: Row) -> Reached:
    return Reached(row["generation"], row["epoch"], position_of(row), row["rules"])


async def project_round(
    connection: Connection,
    held: Mapping[int, Reached],
    most_bytes: int = MOST_BYTES,
    also: Also | None = None,
    until: Mapping[int, TailPosition] | None = None,
    portion: Portion | None = None,
) -> Round:
    """Projects the next segments of the shards ``held``, inside the caller's transaction. Raises LeaseLost.

    ``until``: how far, by shard; None: as far as there is something. ``portion``: None: a round of many shards.
    """
    checkpoints = {shard: reached.at for shard, reached in held.items()}
    each = portion.each if portion else None
    segments = await read_after(connection, checkpoints, most_bytes, each=each) if held else []
    following = (portion or Portion()).following(segments, most_bytes)
    if until is not None:
        segments = [segment for segment in segments if segment.at <= until[segment.shard]]
    reached = {segment.shard: replace(held[segment.shard], at=segment.at) for segment in segments}
    if segments:
        await _advance(connection, held, reached)
        rules = {segment.task_id: RULE_SETS[reached[segment.shard].rules] for segment in segments}
        additions = count_hits(((segment.task_id, segment.kind, segment.hits) for segment in segments), rules)
        generations = {segment.task_id: reached[segment.shard].generation for segment in segments}
        await _grow_sets(connection, additions, generations)
        await _add_to_series(connection, additions, generations)
        if also:
            await also(connection, segments)
        crash_points.reached("projector.counted")
    hits = sum(len(segment.hits) for segment in segments)
    return Round(reached, hits, _tasks_with(FINAL, segments), _tasks_with(_WEIGHED, segments), following)


async def _advance(connection: Connection, held: Mapping[int, Reached], reached: Mapping[int, Reached]) -> None:
    shards = sorted(reached)
    count = await connection.execute(
        STATEMENTS["advance_checkpoints"],
        shards,
        [reached[shard].generation for shard in shards],
        [reached[shard].epoch for shard in shards],
        *_columns(held[shard].at for shard in shards),
        *_columns(reached[shard].at for shard in shards),
    )
    if count != len(shards):
        raise LeaseLost(f"{len(shards) - count} of {len(shards)} shards are held by others now")


async def _grow_sets(connection: Connection, additions: Additions, generations: Mapping[int, int]) -> None:
    grown = dict(additions.sets)
    columns = _key_columns(grown, generations)
    for row in await connection.fetch(STATEMENTS["sets_to_grow"], *columns):
        key = SetKey(row["task_id"], row["kind"], row["link"], row["chunk"])
        known = decode_chunk(row["bits"])
        if grown[key] <= known:
            del grown[key]
        else:
            grown[key] |= known
    if grown:
        await connection.execute(
            STATEMENTS["write_sets"],
            [shard_of(key.task_id) for key in grown],
            *_key_columns(grown, generations),
            [encode_chunk(members) for members in grown.values()],
            [len(members) for members in grown.values()],
        )


async def _add_to_series(connection: Connection, additions: Additions, generations: Mapping[int, int]) -> None:
    series = additions.series
    shards = [shard_of(key.task_id) for key in series]
    columns = _key_columns(series, generations)
    await connection.execute(STATEMENTS["add_to_series"], shards, *columns, list(series.values()))


def _key_columns(
    keys: Mapping[SetKey, BitMap] | Mapping[SeriesKey, int], generations: Mapping[int, int]
) -> tuple[list[int], ...]:
    """Task, generation, kind, link, then chunk or minute."""
    return (
        [key[0] for key in keys],
        [generations[key[0]] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
        [key[3] for key in keys],
    )


def _columns(positions: Iterable[TailPosition]) -> tuple[list[object], ...]:
    known = list(positions)
    return [at.store_epoch for at in known], [str(at.xid) for at in known], [at.position for at in known]


def _tasks_with(kinds: Collection[Kind], segments: Iterable[RecordedSegment]) -> frozenset[int]:
    return frozenset(segment.task_id for segment in segments if segment.kind in kinds)
