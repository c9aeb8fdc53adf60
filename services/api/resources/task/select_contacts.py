"""Which recipients a listing is about, and what each one's line says. Pure."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from pyroaring import BitMap

from shared.delivery_log.segments import Hits
from shared.domain.delivery import EVENTS, Kind
from shared.domain.recipient_states import PRECEDENCE, State, split_by_state

EVENT_KINDS: Final = {kind.name.lower(): kind for kind in EVENTS}

#: Where the reason of a state is noted. Who is pending may have been put off.
_REASON_KIND: Final[dict[State, Kind]] = {**dict(PRECEDENCE), "pending": Kind.DEFERRED}

#: What is read of the log: the times of events, and the notes of the other ends.
NOTED_KINDS: Final = tuple({*EVENTS, *_REASON_KIND.values()})

_NO_REASON: Final = frozenset[State]({"accepted"})


def select(
    audience: BitMap, sets: Mapping[Kind, BitMap], state: State | None, event: str | None, in_doubt: str | None
) -> BitMap:
    """The recipients of ``audience`` for whom everything asked for holds."""
    selected = audience
    if state:
        selected = selected & dict(split_by_state(audience, sets))[state]
    if event:
        selected = selected & sets[EVENT_KINDS[event]]
    if in_doubt == "held":
        selected = selected & sets[Kind.HELD]
    if in_doubt == "resent":
        selected = selected & (sets[Kind.RESENT] - sets[Kind.HELD])
    return selected


def page_of(selected: BitMap, after: int, count: int | None) -> tuple[BitMap, bool]:
    """At most ``count`` of them behind ordinal ``after`` (-1: from the first), and whether there are more."""
    skipped = selected.rank(after) if after >= 0 else 0
    end = len(selected) if count is None else min(skipped + count, len(selected))
    return selected[skipped:end], end < len(selected)


def slices(ordinals: BitMap, size: int) -> Iterator[list[int]]:
    rest = iter(ordinals)
    while piece := list(islice(rest, size)):
        yield piece


@dataclass(slots=True)
class Findings:
    """What the log says about the ordinals ``first`` to ``last``, gathered from the segments that cover them."""

    first: int
    last: int
    _times: "dict[Kind, array[int]]" = field(default_factory=dict)
    _notes: dict[Kind, dict[int, tuple[int, str]]] = field(default_factory=dict)

    def add(self, kind: Kind, hits: Hits) -> None:
        first, last = self.first, self.last
        times = self._times.setdefault(kind, array("Q", bytes(8 * (last - first + 1))))
        for ordinal, time in zip(hits.ordinals, hits.times, strict=True):
            if first <= ordinal <= last and (time < times[ordinal - first] or not times[ordinal - first]):
                times[ordinal - first] = time
        if hits.notes and kind != Kind.CLICKED:
            self._add_notes(kind, hits)

    def _add_notes(self, kind: Kind, hits: Hits) -> None:
        notes = self._notes.setdefault(kind, {})
        for ordinal, time, detail in zip(hits.ordinals, hits.times, hits.details, strict=True):
            if detail and self.first <= ordinal <= self.last and time >= notes.get(ordinal, (0, ""))[0]:
                notes[ordinal] = (time, hits.notes[detail - 1])

    def time(self, kind: Kind, ordinal: int) -> float | None:
        """Unix seconds of the first time; None: never."""
        times = self._times.get(kind)
        found = times[ordinal - self.first] if times else 0
        return found / 1000 if found else None

    def reason(self, state: State, ordinal: int) -> str | None:
        """Why the recipient is in this state, in the words noted last."""
        if state in _NO_REASON:
            return None
        return self._notes.get(_REASON_KIND[state], {}).get(ordinal, (0, None))[1]


def states_by_ordinal(ordinals: BitMap, sets: Mapping[Kind, BitMap]) -> dict[int, State]:
    return {ordinal: state for state, members in split_by_state(ordinals, sets) for ordinal in members}
