"""What segments add up to, against the same done with plain sets and counters."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from services.tracker.decisions.count_hits import SeriesKey, SetKey, count_hits
from shared.delivery_log.segments import HitColumns, Hits
from shared.domain.delivery import FINAL, Kind, Projected
from shared.domain.identifiers import CHUNK

NOON_MS = 1_800_000_000_000

Row = tuple[int, int, int]  # ordinal, time, detail

ONE_HIT = st.tuples(
    st.sampled_from([0, 1, 2, CHUNK - 1, CHUNK, 3 * CHUNK + 7]),
    st.integers(NOON_MS, NOON_MS + 180_000),
    st.integers(0, 3),
)
SEGMENTS = st.lists(
    st.tuples(st.sampled_from([7, 8]), st.sampled_from(list(Kind)), st.lists(ONE_HIT, max_size=8)), max_size=8
)


def hits_of(rows: list[Row]) -> Hits:
    columns = HitColumns()
    for ordinal, time_ms, detail in rows:
        columns.add(ordinal, time_ms, detail)
    return columns.take()


@given(SEGMENTS)
def test_additions_are_those_of_plain_sets_and_counters(segments: list[tuple[int, Kind, list[Row]]]) -> None:
    """Each hit is in the set of its kind and counted once at its minute; clicks by link too, final kinds in kind 0."""
    members: defaultdict[SetKey, set[int]] = defaultdict(set)
    series: Counter[SeriesKey] = Counter()
    for task, kind, rows in segments:
        for ordinal, time_ms, detail in rows:
            links = {0, detail} if kind is Kind.CLICKED else {0}
            for link in links:
                members[SetKey(task, kind, link, ordinal // CHUNK)].add(ordinal)
                series[SeriesKey(task, kind, link, time_ms // 60_000)] += 1
            if kind in FINAL:
                members[SetKey(task, 0, 0, ordinal // CHUNK)].add(ordinal)

    additions = count_hits((task, kind, hits_of(rows)) for task, kind, rows in segments)

    assert {key: set(bits) for key, bits in additions.sets.items()} == members
    assert additions.series == series


@given(SEGMENTS)
def test_the_order_of_segments_makes_no_difference(segments: list[tuple[int, Kind, list[Row]]]) -> None:
    """So a log read in another order, or cut into other rounds, projects the same."""
    decoded = [(task, kind, hits_of(rows)) for task, kind, rows in segments]

    assert count_hits(decoded) == count_hits(reversed(decoded))


def test_who_bounced_hard_is_a_set_beside_the_kinds() -> None:
    """By what each bounce says; one that says nothing is not taken for hard, and no other kind is asked."""
    columns = HitColumns()
    for ordinal, note in ((1, "5.1.1 no such user"), (2, "5.2.2 mailbox full"), (3, ""), (CHUNK, "5.1.1 no such user")):
        columns.add_noted(ordinal, NOON_MS, note)
    hits = columns.take()

    sets = count_hits([(7, Kind.BOUNCED, hits), (8, Kind.DEFERRED, hits)]).sets

    hard = {key: set(bits) for key, bits in sets.items() if key.kind == Projected.HARD_BOUNCED}
    assert hard == {
        SetKey(7, Projected.HARD_BOUNCED, 0, 0): {1},
        SetKey(7, Projected.HARD_BOUNCED, 0, 1): {CHUNK},
    }


def test_no_projected_set_is_a_kind() -> None:
    """Kinds are numbered below 64 for good: that is how they are told apart where counts are read."""
    assert all(0 < kind < 64 for kind in Kind)
    assert all(projected >= 64 for projected in Projected)
