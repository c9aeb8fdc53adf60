"""What a batch of segments adds to the projection. Pure: of the segments and nothing else.

So a rebuild counts the same. Sets make every repeat harmless; totals and series count each stored hit once, at its own
minute.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from pyroaring import BitMap

from services.tracker.decisions.judge_hits import judge_hits
from services.tracker.decisions.rule_sets import RuleSet
from shared.delivery_log.chunks import FINAL_SET, split_by_chunk
from shared.delivery_log.segments import Hits, ordinals_of
from shared.domain.bounce import classify_bounce
from shared.domain.delivery import FINAL, Derived, Kind
from shared.domain.visits import MINUTE_MS

WHOLE_KIND: Final = 0  #: the link number under which all hits of a kind are counted


class SetKey(NamedTuple):
    task_id: int
    kind: int  #: a Kind, FINAL_SET, or Derived
    link: int  #: of a click; of the clicks of Derived: the visit
    chunk: int


class SeriesKey(NamedTuple):
    task_id: int
    kind: int
    link: int
    minute: int  #: unix time / 60


@dataclass(frozen=True, slots=True)
class Additions:
    sets: dict[SetKey, BitMap]
    series: dict[SeriesKey, int]


def count_hits(segments: Iterable[tuple[int, Kind, Hits]], rules: Mapping[int, RuleSet | None]) -> Additions:
    """``segments``: (task, kind, hits) each. The order they come in makes no difference.

    ``rules``: by which the hits of each task are judged; without any they are only counted.
    """
    members: defaultdict[tuple[int, int, int], BitMap] = defaultdict(BitMap)
    series: Counter[SeriesKey] = Counter()
    for task_id, kind, hits in segments:
        who = ordinals_of(hits)
        minutes = _per_minute(hits.times)
        members[task_id, kind, WHOLE_KIND] |= who
        if kind in FINAL:
            members[task_id, FINAL_SET, WHOLE_KIND] |= who
        judged_by = rules[task_id]
        if judged_by:
            for derived, visit, those in judge_hits(kind, hits, who, minutes, judged_by):
                members[task_id, derived, visit] |= those
        for minute, count in minutes.items():
            series[SeriesKey(task_id, kind, WHOLE_KIND, minute)] += count
        if kind is Kind.BOUNCED and (hard := _hard_bounced(hits)):
            members[task_id, Derived.HARD_BOUNCED, WHOLE_KIND] |= hard
        if kind is Kind.CLICKED:
            for link, ordinals, times in _per_link(hits):
                members[task_id, kind, link] |= BitMap(ordinals)
                for minute, count in _per_minute(times).items():
                    series[SeriesKey(task_id, kind, link, minute)] += count
    return Additions(_chunked(members), dict(series))


def _hard_bounced(hits: Hits) -> BitMap:
    """Those whose bounce says that there is no such mailbox; one that says nothing is not taken for that."""
    hard = {place for place, note in enumerate(hits.notes, start=1) if _is_hard(note)}
    return BitMap(ordinal for ordinal, place in zip(hits.ordinals, hits.details, strict=True) if place in hard)


@lru_cache(maxsize=4096)
def _is_hard(note: str) -> bool:
    # A list of dead addresses says the same thousands of times.
    return classify_bounce(note) == "hard"


def _chunked(members: defaultdict[tuple[int, int, int], BitMap]) -> dict[SetKey, BitMap]:
    return {
        SetKey(*whole, chunk): part for whole, ordinals in members.items() for chunk, part in split_by_chunk(ordinals)
    }


def _per_minute(times: "array[int]") -> Mapping[int, int]:
    if not times:
        return {}
    first, last = min(times) // MINUTE_MS, max(times) // MINUTE_MS
    return {first: len(times)} if first == last else Counter(time // MINUTE_MS for time in times)


def _per_link(hits: Hits) -> Iterable[tuple[int, "array[int]", "array[int]"]]:
    links = set(hits.details)
    if len(links) == 1:
        return ((link, hits.ordinals, hits.times) for link in links if link != WHOLE_KIND)
    ordinals: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
    times: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))
    for ordinal, time, link in zip(hits.ordinals, hits.times, hits.details, strict=True):
        ordinals[link].append(ordinal)
        times[link].append(time)
    return ((link, ordinals[link], times[link]) for link in ordinals if link != WHOLE_KIND)
