"""Trackers that come and go, each taking what it may take: who ends with what."""

from collections import Counter
from random import Random

import pytest

from services.tracker.decisions.share_shards import shards_to_take

NOBODY = dict.fromkeys(range(64))


def settle(holders: dict[int, int | None], trackers: list[int], chance: Random) -> dict[int, int | None]:
    """Lets them take in any order until nobody takes any more."""
    for _ in range(20):
        before = dict(holders)
        for tracker in chance.sample(trackers, len(trackers)):
            holders |= dict.fromkeys(shards_to_take(holders, tracker), tracker)
        if holders == before:
            return holders
    raise AssertionError("they never settle")


def test_one_alone_takes_all() -> None:
    """The first tracker waits for nobody."""
    assert shards_to_take(NOBODY, 1) == list(range(64))


def test_a_newcomer_takes_his_part_from_the_living() -> None:
    """It need not wait for anybody's lease to run out."""
    assert len(shards_to_take(dict.fromkeys(range(64), 1), 2)) == 32


def test_the_shards_of_the_dead_are_taken_by_the_others() -> None:
    """Once the leases of a dead tracker have run out, its shards belong to whoever is left."""
    holders = {shard: 1 if shard < 32 else None for shard in range(64)}

    assert shards_to_take(holders, 1) == list(range(32, 64))


@pytest.mark.parametrize("seed", range(20))
def test_any_number_of_trackers_ends_with_fair_parts(seed: int) -> None:
    """All shards are held, nobody has two more than another, and then nothing moves any more."""
    chance = Random(seed)
    trackers = list(range(1, chance.randint(2, 9)))
    holders = {shard: chance.choice([None, *trackers, 99]) for shard in range(64)}
    alive = {shard: holder if holder != 99 else None for shard, holder in holders.items()}

    settled = settle(alive, trackers, chance)

    parts = Counter(settled.values())
    assert set(parts) == set(trackers)
    assert max(parts.values()) - min(parts.values()) <= 1
