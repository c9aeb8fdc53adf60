"""A campaign ends when all its tasks have: DONE, or ERROR where every one of them came to nothing."""

import pytest

from services.dispatcher.campaigns.move import move_campaigns
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import task_stream
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Handler
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from tests.audience import ACCOUNT
from tests.campaigns import make_world, post_campaign, row_of
from tests.integration.tracker.running_projectors import project_all

PEOPLE = 4
NOON_MS = 1_800_000_000_000


async def move(database: Database, handler: Handler) -> None:
    await move_campaigns(database, handler, Ids(database))


async def under_way(database: Database, handler: Handler, people: int = PEOPLE) -> list[int]:
    """A campaign whose email and SMS are being sent; the ids of its tasks."""
    await make_world(database, people)
    await post_campaign(database)
    await move(database, handler)
    await start_due_tasks(database, handler)
    while await freeze_one_audience(database, handler, 1):
        pass
    tasks: list[int] = (await row_of(database))["tasks"]
    return tasks


async def record(database: Database, task_id: int, *kinds: Kind) -> None:
    """What becomes of each recipient, the last kind also of those that are left; and that is counted."""
    of_each = {ordinal: kinds[min(ordinal, len(kinds) - 1)] for ordinal in range(PEOPLE)}
    segments = [
        Segment(task_id, kind, 0, 1, kind, Hits.at_once([at for at, its in of_each.items() if its is kind], NOON_MS))
        for kind in set(kinds)
    ]
    await DeliveryLog(database).append(segments)
    await project_all(database)


async def cancel(handler: Handler, task_id: int) -> None:
    await handler.handle(TASKS, task_stream(task_id), ChangeTask(frozenset({"cancelled"}), cancelled=True), ACCOUNT)


async def test_it_is_done_when_the_last_of_its_tasks_is(database: Database, handler: Handler) -> None:
    """And not a task earlier."""
    email, sms = await under_way(database, handler)
    await record(database, email, Kind.SUBMITTED)
    await move(database, handler)
    assert (await row_of(database))["state"] == "SENDING"
    await record(database, sms, Kind.BOUNCED)
    await move(database, handler)

    campaign = await row_of(database)
    assert (campaign["state"], campaign["error"]) == ("DONE", None)
    await move(database, handler)
    events = await database.fetch("SELECT type FROM event WHERE stream = 'campaign-1' ORDER BY version")
    assert [row["type"] for row in events][-2:] == ["campaign.started", "campaign.completed"]


async def test_it_ends_in_error_when_every_task_failed(database: Database, handler: Handler) -> None:
    email, sms = await under_way(database, handler)
    await record(database, email, Kind.FAILED, Kind.SUPPRESSED, Kind.UNCHARGED)
    await record(database, sms, Kind.UNCHARGED)
    await move(database, handler)

    campaign = await row_of(database)
    assert campaign["state"] == "ERROR"
    assert campaign["error"] == (
        f"every task failed: task {email}: nothing was handed over: 1 failed, 2 uncharged; "
        f"task {sms}: nothing was handed over: 4 uncharged"
    )


@pytest.mark.parametrize("reached", [Kind.SUBMITTED, Kind.BOUNCED, Kind.HELD], ids=lambda kind: kind.name.lower())
async def test_one_who_was_reached_is_enough(database: Database, handler: Handler, reached: Kind) -> None:
    email, sms = await under_way(database, handler)
    await record(database, email, Kind.FAILED)
    await record(database, sms, reached, Kind.FAILED)
    await move(database, handler)

    assert (await row_of(database))["state"] == "DONE"


async def test_nobody_to_write_to_is_no_failure(database: Database, handler: Handler) -> None:
    await under_way(database, handler, people=0)
    await project_all(database)
    await database.execute("UPDATE task SET completed = true")
    await move(database, handler)

    assert (await row_of(database))["state"] == "DONE"


async def test_a_cancelled_task_is_waited_for_until_everybody_of_it_is_counted(
    database: Database, handler: Handler
) -> None:
    """Whoever was reached before counts."""
    email, sms = await under_way(database, handler)
    await record(database, email, Kind.FAILED)
    await cancel(handler, sms)
    await move(database, handler)
    assert (await row_of(database))["state"] == "SENDING"
    await record(database, sms, Kind.SUBMITTED, Kind.CANCELLED)
    await move(database, handler)

    assert (await row_of(database))["state"] == "DONE"


async def test_cancelled_before_they_start_its_tasks_come_to_nothing(database: Database, handler: Handler) -> None:
    await make_world(database, PEOPLE)
    await post_campaign(database)
    await move(database, handler)
    tasks = (await row_of(database))["tasks"]
    for task_id in tasks:
        assert (await row_of(database))["state"] == "SENDING"
        await cancel(handler, task_id)
        await move(database, handler)

    campaign = await row_of(database)
    assert campaign["state"] == "ERROR"
    assert campaign["error"] == "every task failed: " + "; ".join(
        f"task {each}: cancelled before it started" for each in tasks
    )
