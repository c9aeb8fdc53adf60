"""The event store's promise: append with expected version, read a stream, tail everything in commit order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from shared.domain.identifiers import Instant
from shared.runtime import tracing


class VersionConflict(Exception):
    """The stream has moved on since it was read."""


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf an event happens. ``user_id`` None: the service itself. ``correlation``: the traceparent of what
    asked for it, by itself that of what is under way.
    """

    account_id: int
    user_id: int | None = None
    correlation: str | None = field(default_factory=tracing.current)


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """``events`` become versions ``expected_version + 1`` and on; 0 expects a new stream."""

    stream: str
    expected_version: int
    events: Sequence[object]
    actor: Actor


@dataclass(frozen=True, slots=True)
class Write:
    """A row of a read model: a statement and its positional arguments."""

    statement: str
    args: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Append:
    """What is stored together or not at all."""

    streams: tuple[StreamAppend, ...]
    writes: tuple[Write, ...] = ()


class TailPosition(NamedTuple):
    """Where a reader of everything stands. Ordered as the readers go."""

    store_epoch: int = 0
    xid: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    at: TailPosition
    stream: str
    version: int
    type: str
    event: object
    actor: Actor
    recorded_at: Instant


class EventStore(Protocol):
    async def append(self, append: Append) -> None:
        """Returns once committed. Raises VersionConflict, UniqueViolation (a write's key), Unavailable."""
        ...

    async def read_stream(self, stream: str) -> list[RecordedEvent]:
        """Oldest first; empty when there is no such stream."""
        ...

    async def read_after(self, at: TailPosition, limit: int) -> list[RecordedEvent]:
        """The next events of all streams behind ``at``. Never skips one that commits later."""
        ...
