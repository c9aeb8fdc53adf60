"""Single hits of many recipients, as segments: one for each task and kind among them. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from shared.delivery_log.segments import HitColumns, Segment
from shared.domain.delivery import Kind


class Hit(NamedTuple):
    """One recipient did one thing, or it became of his message."""

    task_id: int
    kind: Kind
    ordinal: int
    time_ms: int  #: unix milliseconds
    link: int = 0  #: of a click, the number of the link, from 1
    note: str = ""  #: of a bounce or a complaint, why; never an address
    evidence: int = 0  #: packed, see shared/domain/evidence.py


def gather_hits(hits: Iterable[Hit], batch: int, part: int) -> list[Segment]:
    """The segments are numbered from ``part`` on, under the number ``batch`` of this process."""
    columns: dict[tuple[int, Kind], HitColumns] = {}
    for hit in hits:
        column = columns.get((hit.task_id, hit.kind))
        if column is None:
            column = columns[hit.task_id, hit.kind] = HitColumns()
        if hit.note:
            column.add_noted(hit.ordinal, hit.time_ms, hit.note)
        else:
            column.add(hit.ordinal, hit.time_ms, hit.link, hit.evidence)
    return [
        Segment(task_id, kind, batch, 0, part + number, gathered.take())
        for number, ((task_id, kind), gathered) in enumerate(columns.items())
    ]
