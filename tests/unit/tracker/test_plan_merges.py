"""Which segments become one."""

import pytest

from services.tracker.decisions import plan_merges as plan
from services.tracker.decisions.plan_merges import Candidate, Producer, plan_merges, whole_days
from shared.domain.delivery import FINAL, Kind
from shared.domain.identifiers import CHUNK, Instant

MIDNIGHT = 1_800_000_000 - 1_800_000_000 % 86_400


def candidate(
    part: int,
    *,
    producer: tuple[int, int, int] = (1, -7, 0),
    kind: int = Kind.OPENED,
    ordinals: tuple[int, int] = (5, 9),
    hits: int = 3,
    seconds: float = 0,
    store_epoch: int = 1,
    merged: bool = False,
) -> Candidate:
    return Candidate(
        Producer(*producer, kind), part, store_epoch, *ordinals, hits, Instant(MIDNIGHT + seconds), merged=merged
    )


def parts(*found: Candidate) -> list[list[int]]:
    return [list(merge.parts) for merge in plan_merges(found)]


def test_those_of_one_producer_kind_chunk_and_day_become_one() -> None:
    """By their parts, in whatever order they were recorded."""
    assert parts(candidate(3), candidate(1, seconds=86_399), candidate(2)) == [[1, 2, 3]]


@pytest.mark.parametrize(
    "other",
    [
        candidate(2, producer=(2, -7, 0)),
        candidate(2, producer=(1, -8, 0)),
        candidate(2, producer=(1, -7, 1)),
        candidate(2, kind=Kind.CLICKED),
        candidate(2, ordinals=(5, CHUNK)),
        candidate(2, ordinals=(CHUNK, CHUNK + 1)),
        candidate(2, seconds=86_400),
        candidate(2, seconds=-1),
        candidate(2, store_epoch=2),
        candidate(2, merged=True),
    ],
    ids=["task", "batch", "epoch", "kind", "chunks", "chunk", "later", "before", "history", "merged"],
)
def test_nothing_else_does(other: Candidate) -> None:
    assert parts(candidate(1), other) == []
    assert parts(candidate(1), other, candidate(3)) == [[1, 3]]


def test_none_becomes_larger_than_a_reader_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_HITS", 7)

    assert parts(*(candidate(part) for part in range(5))) == [[0, 1], [2, 3]]
    assert parts(candidate(0, hits=900), candidate(1), candidate(2)) == [[1, 2]]


def test_none_is_made_of_more_than_one_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_SEGMENTS", 2)

    assert parts(*(candidate(part) for part in range(5))) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("kind", [*Kind, 99])
def test_who_is_named_stays_where_it_is_asked_for(kind: int) -> None:
    """Of every batch; of final states of anybody's; and of what this version does not know."""
    for batch in (0, -7):
        pair = [candidate(part, producer=(1, batch, 0), kind=kind) for part in range(2)]
        [merge] = plan_merges(pair)
        assert merge.with_ordinals == (batch == 0 or kind in FINAL or kind == 99)


def test_an_hour_with_much_in_it_is_a_row_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those with little a row holds several."""
    monkeypatch.setattr(plan, "ENOUGH_HITS", 6)
    hours = (0, 0, 0, 1, 1, 2, 3, 3, 3)

    assert parts(*(candidate(part, seconds=3600 * hour) for part, hour in enumerate(hours))) == [
        [0, 1, 2],
        [3, 4],
        [5, 6, 7, 8],
    ]


def test_a_day_is_merged_whole_where_it_can_be() -> None:
    """When not all was found, its last day waits, unless there is no other."""
    found = [candidate(part, seconds=43_200 * part) for part in range(5)]

    assert whole_days(found, 6) == found
    assert whole_days(found, 5) == found[:4]
    assert whole_days(found[:2], 2) == found[:2]
