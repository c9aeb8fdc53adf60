"""Carries out commands on aggregates: gather, decide, apply. No rule lives here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from shared.domain.identifiers import Instant
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor, Append, EventStore, StreamAppend, VersionConflict, Write

TRIES = 8  #: how often a command is decided anew when somebody else was faster

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[State, Command, Event]):
    """The functions of one aggregate, and the rows that its state has in the read model."""

    replay: Callable[[Iterable[Event]], State]
    decide: Callable[[State, Command, Instant], list[Event] | Refused]
    evolve: Callable[[State, Event], State]
    rows: Callable[[State, int], tuple[Write, ...]]  #: state, version -> rows


@dataclass(frozen=True, slots=True)
class Done(Generic[State, Event]):
    state: State
    version: int
    events: list[Event]  #: empty: it was so already


@dataclass(frozen=True, slots=True)
class Consequence:
    """A command on another stream, carried out with the one it follows from, or neither is.

    ``needed``: raises WasRefused when it is refused; else it is left out then.
    """

    aggregate: Aggregate[Any, Any, Any]
    stream: str
    command: object
    needed: bool = True


class WasRefused(Exception):
    """What was to happen with something else cannot happen, and so neither did."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What every command needs: the store, and the moment it is decided at."""

    store: EventStore
    now: Callable[[], Instant]

    async def handle(
        self,
        aggregate: Aggregate[State, Command, Event],
        stream: str,
        command: Command,
        actor: Actor,
        *,
        fresh: bool = False,
        also: Callable[[State], Sequence[Write]] | None = None,
        then: Callable[[State, list[Event]], Sequence[Consequence]] | None = None,
    ) -> Done[State, Event] | Refused:
        """``fresh``: the stream is known to be new, so it is not read. ``also``: more rows for the same transaction.
        ``then``: what follows for other streams, in it as well.

        Raises VersionConflict after TRIES losses in a row.
        """
        for attempt in range(TRIES):
            history = [] if fresh and attempt == 0 else await self.store.read_stream(stream)
            state = aggregate.replay(cast(Event, recorded.event) for recorded in history)
            decision = aggregate.decide(state, command, self.now())
            if isinstance(decision, Refused):
                return decision
            if not decision:
                return Done(state, len(history), [])
            for event in decision:
                state = aggregate.evolve(state, event)
            version = len(history) + len(decision)
            writes = aggregate.rows(state, version) + tuple(also(state) if also else ())
            followed = await self._follow(then(state, decision), actor) if then else Append(())
            streams = (StreamAppend(stream, len(history), decision, actor), *followed.streams)
            try:
                await self.store.append(Append(streams, writes + followed.writes))
            except VersionConflict:
                continue
            return Done(state, version, decision)
        raise VersionConflict(f"{stream}: lost {TRIES} times to others")

    async def _follow(self, consequences: Sequence[Consequence], actor: Actor) -> Append:
        streams: list[StreamAppend] = []
        writes: list[Write] = []
        for each in consequences:
            history = await self.store.read_stream(each.stream)
            state = each.aggregate.replay(recorded.event for recorded in history)
            decision = each.aggregate.decide(state, each.command, self.now())
            if isinstance(decision, Refused):
                if each.needed:
                    raise WasRefused(f"{each.stream}: {decision.because}")
                continue
            for event in decision:
                state = each.aggregate.evolve(state, event)
            if decision:
                streams.append(StreamAppend(each.stream, len(history), decision, actor))
                writes += each.aggregate.rows(state, len(history) + len(decision))
        return Append(tuple(streams), tuple(writes))
