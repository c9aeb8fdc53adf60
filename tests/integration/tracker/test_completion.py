"""A task is completed when, and only when, all its recipients have a final state that can be counted."""

import asyncio
from collections.abc import Iterable
from random import Random

import pytest

from services.tracker.projector.projector import Projector
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_counts
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import FINAL, Kind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.tracker.brute_force import NOON_MS
from tests.integration.tracker.running_projectors import eventually, kill, projector_on, settle
from tests.integration.tracker.sent_tasks import cancel_task, create_message, events_of, send_task

COMPLETED = "task.completed"


@pytest.fixture
async def projector(database: Database, store: PostgresEventStore) -> Projector:
    await create_message(store, 1)
    return projector_on(database, 1)


def segment(kind: Kind, ordinals: Iterable[int], part: int = 0, task: int = 7) -> Segment:
    return Segment(task, kind, 0, 1, part, Hits.at_once(ordinals, NOON_MS))


async def test_a_task_is_completed_by_the_last_final_state(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, projector: Projector
) -> None:
    """Not one recipient earlier; and by then it can be counted."""
    await send_task(store, 7, recipients=100_000)
    await delivery_log.append([segment(Kind.SUBMITTED, range(99_999))])
    await settle(database, projector)
    before = await events_of(store, 7)
    await delivery_log.append([segment(Kind.BOUNCED, [99_999], part=1)])
    await settle(database, projector)

    assert COMPLETED not in before
    assert (await events_of(store, 7))[-1] == COMPLETED
    assert await read_counts(database, [7]) == {7: {Kind.SUBMITTED: 99_999, Kind.BOUNCED: 1}}


@pytest.mark.parametrize("kind", FINAL, ids=lambda kind: kind.name.lower())
async def test_every_final_kind_counts(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, projector: Projector, kind: Kind
) -> None:
    """Whatever the end of a recipient is, it is one."""
    await send_task(store, 7, recipients=2)
    await delivery_log.append([segment(Kind.SUBMITTED, [0]), segment(kind, [1], part=1)])
    await settle(database, projector)

    assert (await events_of(store, 7))[-1] == COMPLETED


@pytest.mark.parametrize("kind", sorted(set(Kind) - set(FINAL)), ids=lambda kind: kind.name.lower())
async def test_no_other_kind_counts(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, projector: Projector, kind: Kind
) -> None:
    """Who opened a message has not been dealt with by that."""
    await send_task(store, 7, recipients=2)
    await delivery_log.append([segment(Kind.SUBMITTED, [0]), segment(kind, [0, 1], part=1)])
    await settle(database, projector)
    await projector.sweep()

    assert COMPLETED not in await events_of(store, 7)


async def test_two_final_states_of_one_recipient_are_one(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, projector: Projector
) -> None:
    """Accepted first and bounced later: the other recipient is still waited for."""
    await send_task(store, 7, recipients=2)
    await delivery_log.append([segment(Kind.SUBMITTED, [0]), segment(Kind.BOUNCED, [0], part=1)])
    await settle(database, projector)

    assert COMPLETED not in await events_of(store, 7)


async def test_a_task_whose_audience_is_being_frozen_is_not_completed(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, projector: Projector
) -> None:
    """How many it will have is not known yet."""
    await send_task(store, 7, recipients=None)
    await delivery_log.append([segment(Kind.SUBMITTED, [0])])
    await settle(database, projector)
    await projector.sweep()

    assert COMPLETED not in await events_of(store, 7)


async def test_a_cancelled_task_is_never_completed(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, projector: Projector
) -> None:
    """Its end is the cancellation, also when every recipient has a state."""
    await send_task(store, 7, recipients=2)
    await cancel_task(store, 7)
    await delivery_log.append([segment(Kind.SUBMITTED, [0]), segment(Kind.CANCELLED, [1], part=1)])
    await settle(database, projector)
    await projector.sweep()

    assert (await events_of(store, 7))[-1] == "task.cancelled"


async def test_the_sweep_completes_a_task_without_recipients(store: PostgresEventStore, projector: Projector) -> None:
    """No segment will ever announce it."""
    await send_task(store, 7, recipients=0)
    await projector.step()
    await projector.sweep()

    assert (await events_of(store, 7))[-1] == COMPLETED


async def test_the_sweep_completes_what_a_crash_left_open(
    database: Database,
    store: PostgresEventStore,
    delivery_log: DeliveryLog,
    projector: Projector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed after the commit of the projection and before the command: the task is found by itself."""
    await send_task(store, 7, recipients=2)
    await delivery_log.append([segment(Kind.SUBMITTED, [0, 1])])

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr("services.tracker.projector.projector.complete_finished", die)
    with pytest.raises(asyncio.CancelledError):
        await settle(database, projector)
    monkeypatch.undo()
    left_open = await events_of(store, 7)
    await projector.sweep()

    assert COMPLETED not in left_open
    assert (await events_of(store, 7))[-1] == COMPLETED


async def test_many_tasks_at_once_are_completed_once_each(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog
) -> None:
    """By several trackers whose rounds and sweeps find the same task at the same time."""
    await create_message(store, 1)
    tasks = list(range(1, 21))
    for task in tasks:
        await send_task(store, task, recipients=50)
    trackers = [projector_on(database, owner) for owner in range(3)]
    pieces = [segment(Kind.SUBMITTED, range(at, at + 10), at, task) for task in tasks for at in range(0, 50, 10)]
    Random(5).shuffle(pieces)

    async def work(tracker: Projector) -> None:
        while True:
            await tracker.step()
            await tracker.sweep()

    async def all_completed() -> bool:
        return all([COMPLETED in await events_of(store, task) for task in tasks])

    working = [asyncio.create_task(work(tracker)) for tracker in trackers]
    for piece in pieces:
        await delivery_log.append([piece])
    await eventually(all_completed)
    for worker in working:
        await kill(worker)

    for task in tasks:
        assert (await events_of(store, task)).count(COMPLETED) == 1
