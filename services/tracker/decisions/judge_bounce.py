"""Which bounces speak against an address, and what follows from them. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from shared.delivery_log.segments import Hits
from shared.domain.delivery import Kind

#: The kinds that speak of an address.
SPEAKING: Final = frozenset({Kind.BOUNCED, Kind.COMPLAINED})


@dataclass(frozen=True, slots=True)
class SoftBounceRule:
    """So many bounces for now, of different tasks, within so many days are one for good."""

    bounces: int
    days: int

    def told(self) -> str:
        return f"{self.bounces} within {self.days} days"


@dataclass(frozen=True, slots=True)
class Returned:
    """A message that came back, or that somebody complained of. ``note``: why, in the words of whoever said so."""

    task_id: int
    ordinal: int
    kind: Kind
    time_ms: int
    note: str


def returned_in(segments: Iterable[tuple[int, Kind, Hits]]) -> list[Returned]:
    """``segments``: (task, kind, hits) each. A recipient is there once a kind, with what was said last."""
    found: dict[tuple[int, int, Kind], Returned] = {}
    for task_id, kind, hits in segments:
        if kind in SPEAKING:
            for returned in _each(task_id, kind, hits):
                found[task_id, returned.ordinal, kind] = returned
    return list(found.values())


def _each(task_id: int, kind: Kind, hits: Hits) -> Iterator[Returned]:
    for ordinal, time_ms, detail in zip(hits.ordinals, hits.times, hits.details, strict=True):
        # A place without a note says nothing, and must not stop whoever reads the log.
        note = hits.notes[detail - 1] if 0 < detail <= len(hits.notes) else ""
        yield Returned(task_id, ordinal, kind, time_ms, note)
