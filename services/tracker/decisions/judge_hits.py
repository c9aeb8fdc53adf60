"""Which hits put a recipient into the sets that tell people from machines. Pure, and each hit by itself.

So the sets are the same in whatever order, pieces and repeats the hits come. What a later hit says of an earlier one
is worked out of the sets when they are read.
"""

from array import array
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator
from itertools import compress

from pyroaring import BitMap

from services.tracker.decisions.rule_sets import RuleSet
from shared.delivery_log.segments import Hits
from shared.domain.delivery import Derived, Kind
from shared.domain.evidence import BURST_MS, unpack
from shared.domain.visits import visit_at

Judged = tuple[Derived, int, BitMap]  #: the set, the visit or 0, who belongs there


def judge_hits(kind: Kind, hits: Hits, who: BitMap, minutes: Collection[int], rules: RuleSet) -> Iterator[Judged]:
    """``who``: all the recipients; ``minutes``: unix time / 60, all there are. Of a kind no machine feigns: nothing."""
    if kind not in (Kind.OPENED, Kind.CLICKED):
        return
    found = set(hits.evidence) or {0}
    human = {packed for packed in found if rules.looks_human(unpack(packed))}
    people = who if human == found else BitMap(list(compress(hits.ordinals, _are(human, hits))))
    if kind is Kind.OPENED:
        yield Derived.HUMAN_OPENED, 0, people
        return
    if len(minutes) == 1:
        yield Derived.HUMAN_CLICKED, visit_at(hits.times[0]), people
    else:
        for visit, clickers in _by_visit(_with(human, hits), 0):
            yield Derived.HUMAN_CLICKED, visit, clickers
    if burst := {packed for packed in human if rules.in_burst(unpack(packed))}:
        for before in (0, BURST_MS):  # what it began with may lie in the minute before
            for visit, clickers in _by_visit(_with(burst, hits), before):
                yield Derived.BURST, visit, clickers


def _are(wanted: Container[int], hits: Hits) -> Iterable[bool]:
    """Of each hit, whether its evidence is wanted."""
    return [packed in wanted for packed in hits.evidence or [0] * len(hits)]


def _with(wanted: Container[int], hits: Hits) -> Iterator[tuple[int, int]]:
    """(ordinal, time) of the hits whose evidence is wanted."""
    return compress(zip(hits.ordinals, hits.times, strict=True), _are(wanted, hits))


def _by_visit(clicks: Iterable[tuple[int, int]], before_ms: int) -> Iterator[tuple[int, BitMap]]:
    """Who was there ``before_ms`` before each click."""
    clickers: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
    for ordinal, time in clicks:
        clickers[visit_at(time - before_ms)].append(ordinal)
    return ((visit, BitMap(column)) for visit, column in clickers.items())
