"""When a reader of the log looks again at once."""

from array import array

import pytest

from shared.delivery_log.segments import Hits
from shared.delivery_log.tail import MOST_BYTES, RecordedSegment, is_full
from shared.domain.delivery import Kind
from shared.domain.identifiers import Instant
from shared.event_store.interface import TailPosition


def page(*shards: int, hits: int = 1) -> list[RecordedSegment]:
    found = Hits(array("I", range(hits)), array("Q", bytes(8 * hits)), array("H", bytes(2 * hits)))
    at = TailPosition(0, 1, 1)
    return [RecordedSegment(shard, at, 1, Kind.SUBMITTED, found, Instant(0.0)) for shard in shards]


@pytest.mark.parametrize(
    ("segments", "shards", "full"),
    [
        ([], 64, False),
        (page(*range(64)), 64, False),
        (page(*[1] * 7), 64, False),
        (page(*[1] * 8, 2), 64, True),
        (page(*[1] * 8), 2, False),
        (page(*[1] * 256), 2, True),
        (page(1, hits=MOST_BYTES // 8 - 1), 64, False),
        (page(1, hits=MOST_BYTES // 8), 64, True),
    ],
    ids=["nothing", "one of each", "seven of one", "eight of one", "eight of two", "all of one", "small", "large"],
)
def test_a_page_is_full_when_a_shard_or_all_together_had_no_more_room(
    segments: list[RecordedSegment], shards: int, *, full: bool
) -> None:
    """What is left behind is read at once; else there is nothing, and a little may gather."""
    assert is_full(segments, shards) is full
