"""Appends segments to the delivery log; what arrives while a commit is under way shares the next one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from shared.delivery_log.merged import decode_originals
from shared.delivery_log.segments import Segment, encode_hits, ordinals_of
from shared.domain.identifiers import shard_of
from shared.event_store.interface import Write
from shared.postgres.database import Connection, Database
from shared.postgres.group_commit import GroupCommit
from shared.postgres.named_queries import load_queries
from shared.runtime import clock, crash_points

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))

#: Far less than it takes until segments are merged (services/tracker/compactor), far more than clocks differ.
OLD_SECONDS: Final = 6 * 3600.0

#: Task, batch, epoch, part.
Name = tuple[int, int, int, int]


class Step(Protocol):
    """What has to read before it writes. Steps are carried out after all rows are written, in their order."""

    @property
    def order(self) -> tuple[int, int]: ...

    async def carry_out(self, connection: Connection) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """Segments, and rows to write and steps to carry out in the same transaction. ``again``: whether the segments may
    have been stored long ago, though their hits are new: by a name that is used again on purpose.
    """

    segments: Sequence[Segment]
    writes: Sequence[Write] = ()
    steps: Sequence[Step] = ()
    again: bool = False


class DeliveryLog:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: GroupCommit[Entry] = GroupCommit(self._commit)

    async def append(
        self, segments: Sequence[Segment], writes: Sequence[Write] = (), steps: Sequence[Step] = ()
    ) -> None:
        """Returns once committed; a segment that is there already is not stored again. Raises DatabaseError."""
        await self._group.submit(Entry(segments, writes, steps))

    async def append_alone(self, segments: Sequence[Segment]) -> None:
        """The same, for whoever has gathered what comes together himself: it waits for no other commit."""
        await self._commit([Entry(segments)])

    async def _commit(self, group: Sequence[Entry]) -> None:
        segments = [segment for entry in group for segment in entry.segments]
        alone = not any(entry.writes or entry.steps or entry.again for entry in group)
        if segments and alone and not any(map(_may_be_merged, segments)):
            # One statement is a transaction by itself, and two round trips less: hits that trickle in are nothing else.
            await self._database.execute(QUERIES["append_segments"], *_columns(segments))
            return
        async with self._database.transaction() as connection:
            await append_in(connection, group)
            crash_points.reached("segments.appending")
        crash_points.reached("segments.appended")


async def append_in(connection: Connection, group: Sequence[Entry]) -> None:
    """Appends inside the caller's transaction. Writes go in the order of their arguments, so that groups never wait
    in a circle.
    """
    segments = [segment for entry in group for segment in entry.segments]
    old = {_name(s) for entry in group for s in entry.segments if entry.again or _may_be_merged(s)}
    if old:
        known = await _merged_among(connection, old)
        segments = [segment for segment in segments if _name(segment) not in known]
    if segments:
        await connection.execute(QUERIES["append_segments"], *_columns(segments))
    writes: dict[str, list[tuple[object, ...]]] = {}
    for entry in group:
        for write in entry.writes:
            writes.setdefault(write.statement, []).append(write.args)
    for statement, rows in writes.items():
        await connection.execute_many(statement, sorted(rows, key=_key))
    for step in sorted((step for entry in group for step in entry.steps), key=lambda step: step.order):
        await step.carry_out(connection)


def _name(segment: Segment) -> Name:
    return segment.task_id, segment.batch, segment.epoch, segment.part


def _may_be_merged(segment: Segment) -> bool:
    """Whether it would have been long ago, had it been stored when its hits came in."""
    return max(segment.hits.times, default=0) < (clock.now() - OLD_SECONDS) * 1000


async def _merged_among(connection: Connection, names: Collection[Name]) -> set[Name]:
    """Those that are stored as a part of a larger segment, where no key keeps them single. Until the transaction ends
    nothing else is merged there.
    """
    await connection.fetch(QUERIES["let_nobody_merge"], sorted({shard_of(name[0]) for name in names}))
    found: set[Name] = set()
    holds = sorted({name[:3] for name in names})
    for row in await connection.fetch(QUERIES["merged_of"], *(list(column) for column in zip(*holds, strict=True))):
        originals = decode_originals(row["merged"], row["part"])
        found |= {(row["task_id"], row["batch"], row["epoch"], original.part) for original in originals}
    return found & set(names)


def _key(args: Sequence[object]) -> tuple[int, ...]:
    """The leading numbers of a row: task, and batch."""
    return tuple(value for value in args[:2] if isinstance(value, int))


def _columns(segments: Sequence[Segment]) -> tuple[list[object], ...]:
    rows = []
    for segment in segments:
        ordinals = ordinals_of(segment.hits)
        rows.append(
            (
                shard_of(segment.task_id),
                segment.task_id,
                int(segment.kind),
                segment.batch,
                segment.epoch,
                segment.part,
                ordinals.min(),
                ordinals.max(),
                ordinals.serialize(),
                encode_hits(segment.hits),
            )
        )
    return tuple(list(column) for column in zip(*rows, strict=True))
