"""The event store in memory: the same promise without a server, for unit tests. ``written`` holds the rows."""

from shared.domain.identifiers import Instant
from shared.event_store.codec import name_of
from shared.event_store.interface import Append, RecordedEvent, TailPosition, VersionConflict, Write


class InMemoryEventStore:
    def __init__(self) -> None:
        self._events: list[RecordedEvent] = []
        self._streams: dict[str, list[RecordedEvent]] = {}
        self._transactions = 0
        self.written: list[Write] = []

    async def append(self, append: Append) -> None:
        for stream in append.streams:
            if len(self._streams.get(stream.stream, ())) != stream.expected_version:
                raise VersionConflict(f"{stream.stream} is not at version {stream.expected_version}")
        if len({stream.stream for stream in append.streams}) != len(append.streams):
            raise VersionConflict("two appends to one stream")
        self._transactions += 1
        for stream in append.streams:
            for number, event in enumerate(stream.events, start=1):
                recorded = RecordedEvent(
                    at=TailPosition(1, self._transactions, len(self._events) + 1),
                    stream=stream.stream,
                    version=stream.expected_version + number,
                    type=name_of(event),
                    event=event,
                    actor=stream.actor,
                    recorded_at=Instant(float(self._transactions)),
                )
                self._events.append(recorded)
                self._streams.setdefault(stream.stream, []).append(recorded)
        self.written.extend(append.writes)

    async def read_stream(self, stream: str) -> list[RecordedEvent]:
        return list(self._streams.get(stream, ()))

    async def read_after(self, at: TailPosition, limit: int) -> list[RecordedEvent]:
        return [event for event in self._events if event.at > at][:limit]
