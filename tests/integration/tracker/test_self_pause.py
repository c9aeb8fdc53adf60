"""A task that does harm is paused by what is projected of it: once, exactly, and not against a person's word."""

from collections.abc import Iterable
from random import Random

import pytest
from structlog.testing import capture_logs

from services.tracker.decisions.judge_harm import HarmLimits
from services.tracker.metrics import Metrics
from services.tracker.projector.rebuild import rebuild
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_counts
from shared.delivery_log.segments import HitColumns, Hits, Segment
from shared.domain.delivery import Derived, Kind
from shared.domain.task import ChangeTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.tracker.brute_force import NOON_MS
from tests.integration.tracker.running_projectors import (
    LIMITS,
    eventually,
    kill,
    projector_on,
    settle,
    start_projecting,
)
from tests.integration.tracker.sent_tasks import cancel_task, carry_out, create_message, events_of, send_task
from tests.integration.tracker.test_rebuild import dump_hash

PAUSED, RESUMED = "task.paused", "task.resumed"
DEAD, FULL = "5.1.1 no such user", "5.2.2 mailbox full"


@pytest.fixture
async def task(store: PostgresEventStore) -> int:
    """In the middle of being sent to 100,000."""
    await create_message(store, 1)
    await send_task(store, 7, recipients=100_000)
    return 7


def told(kind: Kind, ordinals: Iterable[int], part: int, note: str = "", task: int = 7) -> Segment:
    return Segment(task, kind, 0, 1, part, Hits.at_once(ordinals, NOON_MS, note))


def accepted(count: int, part: int = 0, task: int = 7) -> Segment:
    return told(Kind.SUBMITTED, range(count), part, task=task)


async def reason_of(database: Database) -> str | None:
    reason: str | None = await database.fetch_value("SELECT paused_reason FROM task WHERE paused AND id = 7")
    return reason


@pytest.mark.parametrize(
    ("kind", "note", "most", "reason"),
    [
        (Kind.BOUNCED, DEAD, 50, "51 hard bounces of 1000 accepted messages: 5.10 %, more than 5 %"),
        (Kind.COMPLAINED, "", 3, "4 complaints of 1000 accepted messages: 0.40 %, more than 0.3 %"),
    ],
    ids=["hard bounces", "complaints"],
)
async def test_one_more_than_is_borne_pauses_it(
    database: Database,
    store: PostgresEventStore,
    delivery_log: DeliveryLog,
    task: int,
    kind: Kind,
    note: str,
    most: int,
    reason: str,
) -> None:
    """Not one recipient earlier; with the reason in the row, an alarm in the log and one in the metrics."""
    metrics = Metrics()
    projector = projector_on(database, 1, metrics=metrics)
    await delivery_log.append([accepted(1_000), told(kind, range(most), 1, note), told(kind, range(most), 2, note)])
    await settle(database, projector)
    before = await events_of(store, task)
    with capture_logs() as logs:
        await delivery_log.append([told(kind, [most], 3, note)])
        await settle(database, projector)
        await delivery_log.append([told(kind, range(most + 1, 100), 4, note)])
        await settle(database, projector)

    assert PAUSED not in before
    assert (await events_of(store, task)).count(PAUSED) == 1
    assert await reason_of(database) == reason
    alarms = [line for line in logs if line["action"] == "task_paused_itself"]
    cause = "bounces" if kind is Kind.BOUNCED else "complaints"
    assert [(line["log_level"], line["task_id"], line["cause"]) for line in alarms] == [("warning", 7, cause)]
    assert metrics.registry.get_sample_value("postroom_tasks_paused_total", {"cause": cause}) == 1


async def test_the_thousandth_accepted_is_waited_for(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, task: int
) -> None:
    """Whoever bounced before it counts then, though no further bounce comes."""
    projector = projector_on(database, 1)
    await delivery_log.append([accepted(999), told(Kind.BOUNCED, range(5_000, 5_100), 1, DEAD)])
    await settle(database, projector)
    before = await events_of(store, task)
    await delivery_log.append([told(Kind.SUBMITTED, [999], 2)])
    await settle(database, projector)

    assert (PAUSED in before, PAUSED in await events_of(store, task)) == (False, True)


async def test_soft_bounces_pause_nothing(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, task: int
) -> None:
    """Full mailboxes, and bounces that do not say why."""
    await delivery_log.append(
        [accepted(1_000), told(Kind.BOUNCED, range(500), 1, FULL), told(Kind.BOUNCED, range(500, 900), 2)]
    )
    await settle(database, projector_on(database, 1))

    assert PAUSED not in await events_of(store, task)


async def test_what_is_switched_off_pauses_nothing(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, task: int
) -> None:
    off = HarmLimits(0, LIMITS.bounce_percent, LIMITS.complaint_percent)
    await delivery_log.append([accepted(1_000), told(Kind.COMPLAINED, range(900), 1)])
    await settle(database, projector_on(database, 1, off))

    assert PAUSED not in await events_of(store, task)


async def test_a_person_s_resume_is_the_last_word_for_that_cause(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, task: int
) -> None:
    """More bounces change nothing any more; complaints are another matter."""
    projector = projector_on(database, 1)
    await delivery_log.append([accepted(1_000), told(Kind.BOUNCED, range(100), 1, DEAD)])
    await settle(database, projector)
    await carry_out(store, task, ChangeTask(frozenset({"paused"}), paused=False))
    await delivery_log.append([told(Kind.BOUNCED, range(100, 900), 2, DEAD)])
    await settle(database, projector)
    resumed = await events_of(store, task)
    await delivery_log.append([told(Kind.COMPLAINED, range(4), 3)])
    await settle(database, projector)

    assert resumed[-1] == RESUMED
    assert (await events_of(store, task))[-2:] == [RESUMED, PAUSED]
    assert (await reason_of(database) or "").startswith("4 complaints")


async def test_what_has_ended_is_not_paused(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog, task: int
) -> None:
    """Bounces come for days after the last message."""
    await send_task(store, 8, recipients=1_000)
    await cancel_task(store, task)
    await delivery_log.append([accepted(1_000), accepted(1_000, task=8)])
    projector = projector_on(database, 1)
    await settle(database, projector)
    bounces = [told(Kind.BOUNCED, range(900), 1, DEAD, number) for number in (7, 8)]
    await delivery_log.append(bounces)
    await settle(database, projector)

    assert [(await events_of(store, number))[-1] for number in (7, 8)] == ["task.cancelled", "task.completed"]


async def test_a_crash_before_the_pause_is_made_good_by_the_next_round(
    database: Database,
    store: PostgresEventStore,
    delivery_log: DeliveryLog,
    task: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed between the commit of the projection and the command: as long as something is sent, somebody looks."""
    projector = projector_on(database, 1)
    await delivery_log.append([accepted(1_000), told(Kind.BOUNCED, range(100), 1, DEAD)])

    async def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("services.tracker.projector.projector.pause_harmful", die)
        with pytest.raises(KeyboardInterrupt):
            await settle(database, projector)
    assert PAUSED not in await events_of(store, task)
    await database.execute("UPDATE projection SET leased_until = '-infinity'")
    await delivery_log.append([told(Kind.SUBMITTED, [1_000], 2)])
    await settle(database, projector_on(database, 2))

    assert PAUSED in await events_of(store, task)


async def test_several_trackers_pause_each_task_once(
    database: Database, store: PostgresEventStore, delivery_log: DeliveryLog
) -> None:
    """Whose rounds find the same harm at the same time, and whose shards change hands."""
    await create_message(store, 1)
    tasks = list(range(1, 13))
    for number in tasks:
        await send_task(store, number, recipients=50_000)
    metrics = [Metrics() for _ in range(3)]
    trackers = [start_projecting(database, owner, metrics=metrics[owner]) for owner in range(3)]
    pieces = [accepted(1_000, 0, number) for number in tasks]
    pieces += [
        told(Kind.BOUNCED, range(at, at + 10), at + 1, DEAD, number) for number in tasks for at in range(0, 90, 10)
    ]
    Random(5).shuffle(pieces)
    for piece in pieces:
        await delivery_log.append([piece])

    async def all_paused() -> bool:
        return all([PAUSED in await events_of(store, number) for number in tasks])

    await eventually(all_paused)
    for tracker in trackers:
        await kill(tracker)

    assert [(await events_of(store, number)).count(PAUSED) for number in tasks] == [1] * len(tasks)
    counted = [one.registry.get_sample_value("postroom_tasks_paused_total", {"cause": "bounces"}) for one in metrics]
    assert sum(count or 0 for count in counted) == len(tasks)


async def test_hard_bounces_are_counted_exactly_and_rebuilt_to_the_same_bytes(
    database: Database, delivery_log: DeliveryLog, task: int
) -> None:
    """Repeated, in any order, in several chunks; and the set shows up in no count of kinds."""
    chance, hard, segments = Random(11), set(), []
    for part in range(120):
        columns = HitColumns()
        for _ in range(chance.randint(1, 60)):
            ordinal, note = chance.randrange(90_000), chance.choice([DEAD, FULL, "", "550 5.7.1 policy"])
            columns.add_noted(ordinal, NOON_MS, note)
            hard |= {ordinal} if note == DEAD else set()
        segments.append(Segment(task, Kind.BOUNCED, part % 4, 1, part, columns.take()))
    await delivery_log.append(segments + segments[::3])
    await settle(database, projector_on(database, 1))
    size = "SELECT sum(cardinality) FROM ordinal_set JOIN projection USING (shard, generation) WHERE live AND kind = $1"
    live = await dump_hash(database)

    assert await database.fetch_value(size, Derived.HARD_BOUNCED) == len(hard)
    assert set((await read_counts(database, [task]))[task]) == {Kind.BOUNCED}
    await rebuild(database, owner=77)
    assert await dump_hash(database) == live
