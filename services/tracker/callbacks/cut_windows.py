"""Cuts the delivery log into callbacks, once each window has ended.

A projection of its own: checkpoint and calls are written in one transaction, whose first write moves the checkpoint,
and only from where the round read. So a round that fails, or whose outcome is not known, is done again from where the
table says, and no event is forgotten and none told twice.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import structlog

from services.tracker.callbacks.statements import STATEMENTS
from services.tracker.decisions.callbacks.gather_windows import CALLED_BACK, CallToMake, Subject, Windows, window_of
from services.tracker.metrics import Metrics
from shared.delivery_log.tail import RecordedSegment, read_after
from shared.domain.identifiers import shard_of
from shared.event_store.interface import TailPosition
from shared.postgres.database import Connection, Database
from shared.runtime import crash_points

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
LATE_SECONDS: Final = (
    1.0  #: so long after its end a window is still added to: what was recorded in it may be committing
)
MOST_BYTES: Final = 512 * 1024  #: of hits in one read, which writes nothing: some ten milliseconds of this process
MANY_HITS: Final = 200_000  #: gathered in one round; from there on it ends with the window it is in


class OutOfStep(Exception):
    """Somebody else has moved a checkpoint; nothing of the round was stored."""


class WindowCutter:
    """``shards``: those this tracker projects, so that trackers share the work. ``on_calls``: told of new ones."""

    def __init__(
        self,
        database: Database,
        shards: Callable[[], Collection[int]],
        window_seconds: int,
        metrics: Metrics,
        on_calls: Callable[[], None],
    ) -> None:
        self._database = database
        self._shards = shards
        self._seconds = window_seconds
        self._metrics = metrics
        self._on_calls = on_calls
        self._reached: dict[int, TailPosition] = {}
        self._told_until: dict[int, float] = {}  #: by shard, the end of the last window that was told
        self._not_before: dict[int, float] = {}  #: by shard, when the window of the next segment ends

    async def step(self) -> bool:
        """One round. True when there was work, and so may be more."""
        await self._know_shards()
        now = await self._database.fetch_value(STATEMENTS["database_time"])
        due = {shard: at for shard, at in self._reached.items() if self._not_before.get(shard, 0.0) <= now}
        windows, reached = Windows(self._seconds), dict(due)
        told_until = await self._gather(windows, reached, now)
        moved = {shard: at for shard, at in reached.items() if at != due[shard]}
        if not moved:
            return False
        calls = windows.calls()
        try:
            async with self._database.transaction() as connection:
                await _store(connection, due, moved, told_until, calls)
        except OutOfStep as reason:
            log.info("callbacks out of step", action="callbacks_out_of_step", reason=str(reason))
            self._reached = {}
            return True
        self._reached |= moved
        self._told_until = told_until
        if calls:
            self._metrics.callback_events.inc(windows.hits)
            self._on_calls()
        return True

    async def _know_shards(self) -> None:
        shards = set(self._shards())
        if self._reached.keys() != shards:
            rows = await self._database.fetch(STATEMENTS["callback_reached"], sorted(shards))
            self._reached = {
                row["shard"]: TailPosition(row["store_epoch"], row["xid"], row["position"]) for row in rows
            }
            self._told_until = {row["shard"]: row["told_until"] for row in rows}
            self._not_before = {}

    async def _gather(self, windows: Windows, reached: dict[int, TailPosition], now: float) -> dict[int, float]:
        """Moves ``reached`` on, behind the last segment of each shard whose window has ended by ``now``. By shard,
        until when windows are told then.
        """
        reading, told_until = dict(reached), dict(self._told_until)
        last: dict[int, int] = {}  #: by shard, the window that was read last
        while reading:
            async with self._database.transaction() as connection:
                page = await read_after(connection, reading, MOST_BYTES, CALLED_BACK)
                subjects = await _subjects(connection, page)
            if not page:
                break
            for segment in page:
                shard = segment.shard
                if shard not in reading:
                    continue
                number = self._window_of(segment)
                ends = (number + 1) * self._seconds + LATE_SECONDS
                if ends > now:
                    self._not_before[shard] = ends
                if ends > now or (windows.hits >= MANY_HITS and last.get(shard, number) != number):
                    del reading[shard]
                    continue
                reading[shard] = reached[shard] = segment.at
                last[shard] = number
                if (subject := subjects.get(segment.task_id)) and len(segment.hits):
                    windows.add(segment.task_id, subject, segment.kind, number, segment.hits)
                    told_until[shard] = max(told_until[shard], (number + 1) * self._seconds)
        return told_until

    def _window_of(self, segment: RecordedSegment) -> int:
        """Its own; the next one where its own was told in an earlier round, for that names nobody twice."""
        open_from = math.ceil(self._told_until[segment.shard] / self._seconds)
        return max(window_of(segment.kind, segment.recorded_at, self._seconds), open_from)


async def _subjects(connection: Connection, segments: Sequence[RecordedSegment]) -> dict[int, Subject]:
    tasks = {segment.task_id for segment in segments if len(segment.hits)}
    rows = await connection.fetch(STATEMENTS["tasks_called_back"], sorted(tasks)) if tasks else []
    return {row["task_id"]: Subject(row["campaign_id"], row["account_id"], row["channel"]) for row in rows}


async def _store(
    connection: Connection,
    before: Mapping[int, TailPosition],
    after: Mapping[int, TailPosition],
    told_until: Mapping[int, float],
    calls: Sequence[CallToMake],
) -> None:
    shards = sorted(after)
    moved = await connection.execute(
        STATEMENTS["advance_callbacks"],
        shards,
        *_columns(before[shard] for shard in shards),
        *_columns(after[shard] for shard in shards),
        [told_until[shard] for shard in shards],
    )
    if moved != len(shards):
        raise OutOfStep(f"{len(shards) - moved} of {len(shards)} checkpoints have moved")
    if not calls:
        return
    await connection.execute(
        STATEMENTS["add_windows"],
        [shard_of(call.task_id) for call in calls],
        [call.task_id for call in calls],
        [call.subject.campaign_id for call in calls],
        [int(call.kind) for call in calls],
        [call.opened for call in calls],
        [call.first_ms for call in calls],
        [call.people.serialize() for call in calls],
        [len(call.people) for call in calls],
    )
    accounts = {call.subject.campaign_id: call.subject.account_id for call in calls}
    await connection.execute(STATEMENTS["wake_lines"], list(accounts), list(accounts.values()))
    crash_points.reached("callback.cut")


def _columns(positions: Iterable[TailPosition]) -> tuple[list[object], ...]:
    known = list(positions)
    return [at.store_epoch for at in known], [str(at.xid) for at in known], [at.position for at in known]
