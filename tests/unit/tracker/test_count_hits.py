"""What segments add up to, against the same done with plain sets and counters."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.count_hits import Additions, SeriesKey, SetKey, count_hits
from services.tracker.decisions.rule_sets import RuleSet
from shared.delivery_log.segments import HitColumns, Hits
from shared.domain.delivery import FINAL, Derived, Kind
from shared.domain.evidence import unpack
from shared.domain.identifiers import CHUNK

NOON_MS = 1_800_000_000_000

Row = tuple[int, int, int, int]  # ordinal, time, detail, evidence
Segments = list[tuple[int, Kind, list[Row]]]

#: Whom task 7 is judged by; task 8 is not.
RULES = RuleSet(looks_human=lambda evidence: evidence.agent != 7, in_burst=lambda evidence: evidence.company > 2)
JUDGED = {7: RULES, 8: None}

ONE_HIT = st.tuples(
    st.sampled_from([0, 1, 2, CHUNK - 1, CHUNK, 3 * CHUNK + 7]),
    st.integers(NOON_MS, NOON_MS + 180_000) | st.integers(NOON_MS + 3_590_000, NOON_MS + 3_610_000),
    st.integers(0, 3),
    st.sampled_from([0, 0x003, 0x007, 0x303, 0x307]),
)
SEGMENTS = st.lists(
    st.tuples(st.sampled_from([7, 8]), st.sampled_from(list(Kind)), st.lists(ONE_HIT, max_size=8)), max_size=8
)


def hits_of(rows: list[Row]) -> Hits:
    columns = HitColumns()
    for row in rows:
        columns.add(*row)
    return columns.take()


def counted(segments: Segments) -> Additions:
    return count_hits([(task, kind, hits_of(rows)) for task, kind, rows in segments], JUDGED)


def derived_of(task: int, kind: Kind, row: Row) -> Iterator[tuple[int, int]]:
    """(set, visit) that one hit puts its recipient into, besides those of its kind."""
    _, time_ms, _, packed = row
    evidence = unpack(packed)
    if task == 8 or evidence.agent == 7:
        return
    if kind is Kind.OPENED:
        yield Derived.HUMAN_OPENED, 0
    if kind is Kind.CLICKED:
        yield Derived.HUMAN_CLICKED, time_ms // 60_000 % 60 + 1
        if evidence.company > 2:
            yield Derived.BURST, time_ms // 60_000 % 60 + 1
            yield Derived.BURST, (time_ms - 5_000) // 60_000 % 60 + 1


@given(SEGMENTS)
def test_additions_are_those_of_plain_sets_and_counters(segments: Segments) -> None:
    """Each hit is in the set of its kind and counted once at its minute; clicks by link too, final kinds in kind 0;
    opens and clicks that look human in sets of their own, where they are judged.
    """
    members: defaultdict[SetKey, set[int]] = defaultdict(set)
    series: Counter[SeriesKey] = Counter()
    for task, kind, rows in segments:
        for row in rows:
            ordinal, time_ms, detail, _ = row
            links = {0, detail} if kind is Kind.CLICKED else {0}
            for link in links:
                members[SetKey(task, kind, link, ordinal // CHUNK)].add(ordinal)
                series[SeriesKey(task, kind, link, time_ms // 60_000)] += 1
            if kind in FINAL:
                members[SetKey(task, 0, 0, ordinal // CHUNK)].add(ordinal)
            for derived, visit in derived_of(task, kind, row):
                members[SetKey(task, derived, visit, ordinal // CHUNK)].add(ordinal)

    additions = counted(segments)

    assert {key: set(bits) for key, bits in additions.sets.items()} == members
    assert additions.series == series


@given(SEGMENTS, st.randoms(use_true_random=False))
def test_the_order_and_the_cut_of_segments_make_no_difference(segments: Segments, chance: Random) -> None:
    """So a log read in another order, or cut into other pieces, projects the same."""
    single: Segments = [(task, kind, [row]) for task, kind, rows in segments for row in rows]
    chance.shuffle(single)

    assert counted(segments) == counted(list(reversed(segments))) == counted(single)


def test_who_bounced_hard_is_a_set_beside_the_kinds() -> None:
    """By what each bounce says; one that says nothing is not taken for hard, and no other kind is asked."""
    columns = HitColumns()
    for ordinal, note in ((1, "5.1.1 no such user"), (2, "5.2.2 mailbox full"), (3, ""), (CHUNK, "5.1.1 no such user")):
        columns.add_noted(ordinal, NOON_MS, note)
    hits = columns.take()

    sets = count_hits([(7, Kind.BOUNCED, hits), (8, Kind.DEFERRED, hits)], {7: None, 8: None}).sets

    hard = {key: set(bits) for key, bits in sets.items() if key.kind == Derived.HARD_BOUNCED}
    assert hard == {
        SetKey(7, Derived.HARD_BOUNCED, 0, 0): {1},
        SetKey(7, Derived.HARD_BOUNCED, 0, 1): {CHUNK},
    }


def test_no_derived_set_is_a_kind() -> None:
    """Kinds are numbered below 64 for good: that is how they are told apart where counts are read."""
    assert all(0 < kind < 64 for kind in Kind)
    assert all(derived >= 64 for derived in Derived)
