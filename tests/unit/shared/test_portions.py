"""How much a reader of the log takes at once."""

from array import array

import pytest

from shared.delivery_log.portions import LEAST_EACH, MOST_EACH, Portion
from shared.delivery_log.segments import Hits
from shared.delivery_log.tail import RecordedSegment
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.interface import TailPosition


def segments(shard: int, count: int, hits: int = 1) -> list[RecordedSegment]:
    held = Hits(array("I", range(hits)), array("Q", [0] * hits), array("H", [0] * hits))
    return [
        RecordedSegment(shard, TailPosition(1, 1, place), 7, Kind.OPENED, held, Instant(0.0)) for place in range(count)
    ]


@pytest.mark.parametrize(
    ("shards", "each"),
    [(0, MOST_EACH), (1, MOST_EACH), (4, MOST_EACH), (8, 64), (64, LEAST_EACH)],
)
def test_of_few_shards_the_more_is_taken(shards: int, each: int) -> None:
    """A round for every eight commits of the one task that is opened would cost more than all its opens."""
    found = [segment for shard in range(shards) for segment in segments(shard, 1)]

    assert Portion().following(found).each == each


@pytest.mark.parametrize(
    ("found", "full"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param(segments(1, 9) + segments(2, 3), False, id="less than it takes of a shard"),
        pytest.param(segments(1, 10), True, id="of one shard as many as it takes"),
        pytest.param(segments(1, 2, hits=16), True, id="as many hits as it takes"),
    ],
)
def test_it_is_full_when_there_may_be_more(found: list[RecordedSegment], full: bool) -> None:
    assert Portion(each=10).following(found, most_bytes=256).full is full
