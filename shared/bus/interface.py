"""What the bus promises, whatever carries it.

Hints say where to look and are best effort: losing every one of them loses nothing, as a sweep finds the due work.
Events are what the relay publishes for consumers outside: at least once, and confirmed before `publish` returns.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Literal, Protocol, Self, get_args

Role = Literal["api", "dispatcher", "tracker"]
ROLES: tuple[Role, ...] = get_args(Role)

Topic = Literal["task_due", "campaign_due", "batches_ready", "segments_appended", "job_due", "notices_due"]
TOPICS: tuple[Topic, ...] = get_args(Topic)


@dataclass(frozen=True, slots=True)
class Hint:
    """Where to look: `Hint("batches_ready", key=7, extra=(12,))` is batch 12 of task 7. Numbers from 0 to 2**63 - 1."""

    topic: Topic
    key: int = 0  #: the task, shard or job
    extra: tuple[int, ...] = ()  #: at most 8 further numbers
    traceparent: str | None = field(default=None, compare=False)  #: of what gave the hint


@dataclass(frozen=True, slots=True)
class EventEnvelope:
    """One event for the outside, as CloudEvents 1.0 names its parts. `id` is the same at every repetition."""

    id: str
    type: str
    routing_key: str  #: `task.completed`, `delivery.opened`; words parted by dots
    time: datetime  #: with a time zone
    account_id: int
    subject: str  #: what it is about, `task/7`
    data: bytes  #: JSON
    traceparent: str | None = None  #: of what asked for it


HintHandler = Callable[[Hint], Awaitable[None]]


class PublishFailed(Exception):
    """The bus did not take it, or did not say in time that it did."""


class Listener(Protocol):
    """A consumer at work until stopped. Stopping cancels the handler that is running."""

    async def stop(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Hints(Protocol):
    async def hint(self, role: Role, hint: Hint) -> None:
        """Tells any one listener of the role. Raises PublishFailed, at once or within a second: log it and go on."""
        ...

    async def listen(self, role: Role, handler: HintHandler) -> Listener:
        """Gives each hint for the role to one of its listeners, one at a time.

        Returns at once, with the bus away too. The handler should wake work up, not do it: its hint counts as
        delivered before it runs, it is cancelled after 30 s, and what it raises is logged and stops nothing. A hint
        that cannot be read is parked with the reason.
        """
        ...


class EventPublisher(Protocol):
    async def publish(self, envelopes: Sequence[EventEnvelope]) -> None:
        """Returns when all are confirmed. Otherwise raises PublishFailed, within 10 s per hundred: any may be out.

        In the order given, as long as none fails. That nobody is interested is no failure.
        """
        ...


class Bus(Hints, EventPublisher, Protocol):
    async def healthy(self) -> bool:
        """False while what this process uses of the bus is away or blocked."""
        ...

    async def close(self) -> None:
        """Stops every listener; whatever is published afterwards fails."""
        ...
