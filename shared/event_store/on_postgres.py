"""The event store on Postgres. Concurrent appends of this process share a commit."""

from collections.abc import Sequence
from pathlib import Path

from shared.domain.identifiers import Instant
from shared.event_store.codec import name_of, read_event
from shared.event_store.interface import (
    Actor,
    Append,
    RecordedEvent,
    StreamAppend,
    TailPosition,
    VersionConflict,
)
from shared.postgres.database import Connection, Database, Row, UniqueViolation
from shared.postgres.group_commit import GroupCommit
from shared.postgres.named_queries import load_queries
from shared.runtime import crash_points

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


class PostgresEventStore:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: GroupCommit[Append] = GroupCommit(self._commit)

    async def append(self, append: Append) -> None:
        await self._group.submit(append)

    async def read_stream(self, stream: str) -> list[RecordedEvent]:
        return [recorded_event(row) for row in await self._database.fetch(QUERIES["read_stream"], stream)]

    async def read_after(self, at: TailPosition, limit: int) -> list[RecordedEvent]:
        rows = await self._database.fetch(QUERIES["read_after"], at.store_epoch, str(at.xid), at.position, limit)
        return [recorded_event(row) for row in rows]

    async def _commit(self, group: Sequence[Append]) -> None:
        async with self._database.transaction() as connection:
            await append_in(connection, group)
            crash_points.reached("events.appending")
        crash_points.reached("events.appended")


async def append_in(connection: Connection, group: Sequence[Append]) -> None:
    """Appends inside the caller's transaction, for those who commit more than events. Raises VersionConflict."""
    streams = sorted((stream for append in group for stream in append.streams), key=lambda stream: stream.stream)
    await _check_versions(connection, streams)
    try:
        await connection.execute(QUERIES["append_events"], *_columns(streams))
    except UniqueViolation as error:
        raise VersionConflict(str(error)) from error
    for statement, rows in _by_statement(group).items():
        await connection.execute_many(statement, rows)


async def append_to_locked(connection: Connection, stream: StreamAppend) -> None:
    """To a stream whose version the caller knows from a row that he has locked, however long the stream is."""
    await connection.execute(QUERIES["append_events"], *_columns([stream]))


async def _check_versions(connection: Connection, streams: Sequence[StreamAppend]) -> None:
    # The comparison gives gapless versions and a readable conflict; the primary key decides a race.
    names = [stream.stream for stream in streams]
    if len(set(names)) != len(names):
        raise VersionConflict("two appends to one stream in one group")
    if not any(stream.expected_version for stream in streams):
        return
    found = {row["stream"]: row["version"] for row in await connection.fetch(QUERIES["stream_versions"], names)}
    for stream in streams:
        if (version := found.get(stream.stream, 0)) != stream.expected_version:
            raise VersionConflict(f"{stream.stream} is at version {version}, not {stream.expected_version}")


def _columns(streams: Sequence[StreamAppend]) -> tuple[list[object], ...]:
    rows = [
        (
            stream.stream,
            stream.expected_version + number,
            name_of(event),
            event,
            stream.actor.account_id,
            stream.actor.user_id,
            stream.actor.correlation,
        )
        for stream in streams
        for number, event in enumerate(stream.events, start=1)
    ]
    return tuple(list(column) for column in zip(*rows, strict=True)) if rows else tuple([] for _ in range(7))


def _by_statement(group: Sequence[Append]) -> dict[str, list[tuple[object, ...]]]:
    writes: dict[str, list[tuple[object, ...]]] = {}
    for append in sorted(group, key=lambda append: append.streams[0].stream if append.streams else ""):
        for write in append.writes:
            writes.setdefault(write.statement, []).append(write.args)
    return writes


def recorded_event(row: Row) -> RecordedEvent:
    """A row of ``read_after``. Raises as ``read_event``."""
    return RecordedEvent(
        at=TailPosition(row["store_epoch"], row["xid"], row["position"]),
        stream=row["stream"],
        version=row["version"],
        type=row["type"],
        event=read_event(row["type"], row["data"]),
        actor=Actor(row["account_id"], row["user_id"], row["correlation"]),
        recorded_at=Instant(row["recorded_at"]),
    )
