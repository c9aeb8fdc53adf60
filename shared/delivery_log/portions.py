"""How much a reader of the log takes at once, by what he found the last time. Pure.

Trickling hits make a small segment a commit, all in the shard of one task: taken by eights they would cost a round for
every few people. Where many shards have something, few of each are enough.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.delivery_log.tail import MOST_BYTES, MOST_SEGMENTS, RecordedSegment

LEAST_EACH: Final = 8
#: However few shards had something: all may have it the next time.
MOST_EACH: Final = 128
BYTES_OF_HIT: Final = 8


@dataclass(frozen=True, slots=True)
class Portion:
    """``each``: segments of one shard. ``full``: the last one was not all there was, so the next need not wait."""

    each: int = LEAST_EACH
    full: bool = False

    def following(self, segments: Sequence[RecordedSegment], most_bytes: int = MOST_BYTES) -> "Portion":
        """``segments``: those of this portion."""
        by_shard = Counter(segment.shard for segment in segments)
        size = BYTES_OF_HIT * sum(len(segment.hits) for segment in segments)
        full = size >= most_bytes or any(count >= self.each for count in by_shard.values())
        return Portion(max(LEAST_EACH, min(MOST_SEGMENTS // max(1, len(by_shard)), MOST_EACH)), full)
