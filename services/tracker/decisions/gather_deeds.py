"""What the hits of a round say of persons rather than of one task: opens, clicks, and bounces for now. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from shared.delivery_log.segments import Hits
from shared.domain.bounce import classify_bounce
from shared.domain.delivery import Kind


@dataclass(slots=True)
class Deeds:
    """Columns of equal length, one entry a hit, repeats included."""

    tasks: list[int] = field(default_factory=list)
    ordinals: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)  #: unix milliseconds

    def __len__(self) -> int:
        return len(self.tasks)

    def add(self, task_id: int, kind: Kind, ordinals: Iterable[int], times: Iterable[int]) -> None:
        self.ordinals.extend(ordinals)
        self.times.extend(times)
        new = len(self.ordinals) - len(self.tasks)
        self.tasks.extend([task_id] * new)
        self.kinds.extend([kind] * new)


def gather_deeds(segments: Iterable[tuple[int, Kind, Hits]]) -> Deeds:
    """``segments``: (task, kind, hits) each."""
    deeds = Deeds()
    for task_id, kind, hits in segments:
        if kind in (Kind.OPENED, Kind.CLICKED):
            deeds.add(task_id, kind, hits.ordinals, hits.times)
        elif kind is Kind.BOUNCED and (soft := _soft_notes(hits)):
            who = [place for place, note in enumerate(hits.details) if note in soft]
            deeds.add(task_id, kind, [hits.ordinals[at] for at in who], [hits.times[at] for at in who])
    return deeds


def _soft_notes(hits: Hits) -> set[int]:
    """The places of the notes that say: for now."""
    return {place for place, note in enumerate(hits.notes, start=1) if _is_soft(note)}


@lru_cache(maxsize=4096)
def _is_soft(note: str) -> bool:
    return classify_bounce(note) == "soft"
