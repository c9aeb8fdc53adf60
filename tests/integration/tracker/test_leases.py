"""Trackers share the shards by leases; who lost one stores nothing more of it."""

import pytest

from services.tracker.projector.leases import ShardLeases
from services.tracker.projector.project import LeaseLost, project_round
from services.tracker.projector.statements import STATEMENTS
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import shard_of
from shared.postgres.database import Database
from tests.integration.settled_commits import wait_for_settled_commits
from tests.integration.tracker.brute_force import NOON_MS, assert_projected
from tests.integration.tracker.running_projectors import let_leases_run_out, projector_on, settle

OPENED = Segment(7, Kind.OPENED, 0, 1, 0, Hits.at_once([1, 2, 3], NOON_MS))
AGAIN = Segment(7, Kind.OPENED, 0, 1, 1, Hits.at_once([3, 4], NOON_MS))


async def test_three_trackers_share_the_shards_fairly(database: Database) -> None:
    """After a few renewals each has its part, and all shards are held."""
    trackers = [ShardLeases(database, owner) for owner in (1, 2, 3)]

    for _ in range(3):
        for tracker in trackers:
            await tracker.renew()

    parts = sorted(len(tracker.held) for tracker in trackers)
    assert parts == [21, 21, 22]
    assert set().union(*(tracker.held for tracker in trackers)) == set(range(64))


async def test_the_shards_of_a_dead_tracker_are_taken_once_its_leases_run_out(database: Database) -> None:
    """By itself: nobody has to tell the others."""
    dead, living = ShardLeases(database, 1), ShardLeases(database, 2)
    await dead.renew()
    await living.renew()

    await let_leases_run_out(database, [2])
    await living.renew()

    assert len(living.held) == 64


async def test_a_tracker_that_stops_leaves_its_shards_at_once(database: Database) -> None:
    """The next one need not wait for the lease."""
    leaving, staying = ShardLeases(database, 1), ShardLeases(database, 2)
    await leaving.renew()
    await leaving.release()
    await staying.renew()

    assert (len(leaving.held), len(staying.held)) == (0, 64)


async def test_a_lease_that_ran_out_is_renewed_while_nobody_took_the_shard(database: Database) -> None:
    """A pause of the database costs nothing."""
    alone = ShardLeases(database, 1)
    await alone.renew()
    await let_leases_run_out(database, [])
    epochs = {shard: reached.epoch for shard, reached in alone.held.items()}
    await alone.renew()

    assert {shard: reached.epoch for shard, reached in alone.held.items()} == epochs


async def test_whoever_lost_a_shard_stores_nothing_of_the_round(database: Database, delivery_log: DeliveryLog) -> None:
    """A tracker that slept through its lease wakes up and must not count what its successor has counted."""
    await delivery_log.append([OPENED])
    sleeper, successor = ShardLeases(database, 1), ShardLeases(database, 2)
    await sleeper.renew()
    await let_leases_run_out(database, [2])
    await successor.renew()
    await round_of(database, successor)

    with pytest.raises(LeaseLost):
        await round_of(database, sleeper)

    await assert_projected(database, [7], [OPENED])


async def test_a_shard_is_lost_with_the_epoch_before_its_successor_has_done_anything(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """From the takeover on, not from the first round after it."""
    await delivery_log.append([OPENED])
    sleeper, successor = ShardLeases(database, 1), ShardLeases(database, 2)
    await sleeper.renew()
    await let_leases_run_out(database, [2])
    await successor.renew()

    with pytest.raises(LeaseLost):
        await round_of(database, sleeper)

    await round_of(database, successor)
    await assert_projected(database, [7], [OPENED])


async def test_a_round_whose_commit_was_not_heard_of_is_not_done_twice(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """The epoch is still ours, but the checkpoint is not where we left it."""
    await delivery_log.append([OPENED])
    leases = ShardLeases(database, 1)
    await leases.renew()
    await round_of(database, leases)

    with pytest.raises(LeaseLost):
        await round_of(database, leases)

    await leases.renew()
    await delivery_log.append([AGAIN])
    await round_of(database, leases)
    await assert_projected(database, [7], [OPENED, AGAIN])


async def test_a_projector_that_lost_its_shards_goes_on_with_what_it_has(
    database: Database, delivery_log: DeliveryLog
) -> None:
    """It looks again what is its own, and projects that."""
    first = projector_on(database, 1)
    await first.step()
    await database.execute("UPDATE projection SET epoch = epoch + 1 WHERE shard = $1", shard_of(7))
    await delivery_log.append([OPENED])

    await settle(database, first)

    await assert_projected(database, [7], [OPENED])


async def test_shards_that_a_newer_version_rebuilt_are_left_to_it(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever does not know the rules would judge what comes by others; it is said once, not at every look."""
    await database.execute("UPDATE projection SET rules = 99 WHERE shard < 10")
    older, next_to_it = ShardLeases(database, 1), ShardLeases(database, 2)
    for _ in range(3):
        await older.renew()
        await next_to_it.renew()

    assert set(older.held) | set(next_to_it.held) == set(range(10, 64))
    assert capsys.readouterr().out.count("shards=10") == 2


async def test_a_shard_that_is_rebuilt_between_look_and_grasp_is_not_taken(database: Database) -> None:
    """By rules that are not known: the epoch alone may be the same as before."""
    await database.execute("UPDATE projection SET rules = 99")
    arguments = (1, 15.0, list(range(64)), [0] * 64)

    assert await database.fetch(STATEMENTS["take_shards"], *arguments, [0, 1]) == []
    assert len(await database.fetch(STATEMENTS["take_shards"], *arguments, [0, 99])) == 64


async def round_of(database: Database, leases: ShardLeases) -> None:
    """One round, from where these leases believe they are."""
    await wait_for_settled_commits(database)
    async with database.transaction() as connection:
        await project_round(connection, leases.held)
