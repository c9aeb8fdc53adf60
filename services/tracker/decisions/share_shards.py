"""Who projects which shards: trackers balance among themselves, without a leader. Pure.

A tracker takes its part of what nobody holds, and from those who hold two more than it does. Taking from the living is
safe, since every write of a projector is fenced by the epoch of its lease: who lost a shard fails the round.
"""

from collections import Counter
from collections.abc import Mapping


def shards_to_take(holders: Mapping[int, int | None], me: int) -> list[int]:
    """``holders``: who holds each shard by a lease that has not run out. Answers what ``me`` takes, in rising order.

    Repeated by all it ends with every shard held, no two trackers more than a shard apart, and nothing taken any more.
    """
    holding = Counter(holder for holder in holders.values() if holder is not None)
    fair = -(-len(holders) // len(holding.keys() | {me}))
    taken = [shard for shard in sorted(holders) if holders[shard] is None][: max(0, fair - holding[me])]
    mine = holding[me] + len(taken)
    for shard in sorted(holders):
        holder = holders[shard]
        if holder is not None and holding[holder] > mine + 1:
            holding[holder] -= 1
            mine += 1
            taken.append(shard)
    return sorted(taken)
