"""Who wins a split test: by exact sets, when the delay is over, and what the rest gets then."""

from collections import Counter

from pyroaring import BitMap

from services.dispatcher.planner.splittests.measure import measure_splittests
from services.dispatcher.sending.statements import STATEMENTS as SENDING
from shared.domain.delivery import Kind
from shared.domain.identifiers import task_stream
from shared.domain.message import EditMessage
from shared.domain.task import ChangeTask
from shared.event_store.handle_command import Handler
from shared.event_store.read_models.message import MESSAGES
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from tests.audience import ACCOUNT, CONTENT
from tests.integration.dispatcher.splitting import FIRST, draw, end, freeze_tasks, planner, record
from tests.integration.tracker.running_projectors import project_all
from tests.splitting import change, people_by_task, post_splittest, row_of, times_each


async def test_nothing_is_decided_before_the_delay_is_over_nor_before_all_variants_ended(
    database: Database, handler: Handler
) -> None:
    await post_splittest(database, 30, delay=1000.0)
    first, second, third = await draw(database, handler)
    await end(database, handler, {first: 1, second: 1})
    await change(handler, delay=0.0)
    assert await measure_splittests(database, handler) == 0, "one of them is being sent"
    await change(handler, delay=1000.0)
    await end(database, handler, {third: 2})
    assert await measure_splittests(database, handler) == 0, "the delay is not over"

    await change(handler, delay=0.0)

    assert await measure_splittests(database, handler) == 1
    assert (await row_of(database))["winner_message_id"] == 3


async def test_it_waits_for_a_projection_that_is_behind(database: Database, handler: Handler) -> None:
    """An open that was recorded in time counts, however late it is projected."""
    await post_splittest(database, 30)
    first, second, third = await draw(database, handler)
    await end(database, handler, {first: 2, second: 1, third: 0})
    await record(database, second, Kind.OPENED, [1, 2, 2], part=1)

    assert await measure_splittests(database, handler) == 0
    await project_all(database)

    assert await measure_splittests(database, handler) == 1
    row = await row_of(database)
    assert (row["winner_message_id"], row["scores"]) == (2, [2, 3, 0])


async def test_what_is_recorded_after_the_delay_does_not_hold_it_up(database: Database, handler: Handler) -> None:
    """People open all the time: only what was there when the delay was over is waited for."""
    await post_splittest(database, 30)
    first, second, third = await draw(database, handler)
    await end(database, handler, {first: 2, second: 1, third: 0})
    await record(database, second, Kind.OPENED, [1], part=1)
    assert await measure_splittests(database, handler) == 0
    await project_all(database)
    await record(database, third, Kind.OPENED, [0, 1, 2], part=1)

    assert await measure_splittests(database, handler) == 1
    assert (await row_of(database))["scores"] == [2, 2, 0]


async def test_another_delay_waits_for_what_was_recorded_until_then(database: Database, handler: Handler) -> None:
    await post_splittest(database, 30)
    first, second, third = await draw(database, handler)
    await end(database, handler, {first: 2, second: 1, third: 0})
    await record(database, second, Kind.OPENED, [1], part=1)
    assert await measure_splittests(database, handler) == 0
    await change(handler, delay=1e-7)
    await project_all(database)
    await record(database, third, Kind.OPENED, [0, 1, 2], part=1)

    assert await measure_splittests(database, handler) == 0
    await project_all(database)
    assert await measure_splittests(database, handler) == 1
    assert (await row_of(database))["scores"] == [2, 2, 3]


async def test_clicks_count_where_they_are_asked_for_and_a_cancelled_variant_does_not_win(
    database: Database, handler: Handler
) -> None:
    await post_splittest(database, 30, criterion="click")
    first, second, third = await draw(database, handler)
    await record(database, second, Kind.CLICKED, [0])
    await record(database, third, Kind.CLICKED, [0, 1])
    await handler.handle(TASKS, task_stream(third), ChangeTask(frozenset({"cancelled"}), cancelled=True), ACCOUNT)
    await end(database, handler, {first: 3, second: 0})

    assert await measure_splittests(database, handler) == 1

    row = await row_of(database)
    assert (row["winner_message_id"], row["scores"], row["accepted"]) == (2, [0, 1, 2], [3, 3, 0])


async def test_told_alone_the_rest_waits_for_a_word_and_gets_what_a_person_chose(
    database: Database, handler: Handler
) -> None:
    await post_splittest(database, 30, action="tellme")
    variants = await draw(database, handler)
    await end(database, handler, dict(zip(variants, (3, 1, 1), strict=True)))
    await planner(database, handler).advance()
    row = await row_of(database)
    assert (row["scores"], row["winner_message_id"]) == ([3, 1, 1], None)

    await change(handler, winner_message_id=2)
    await freeze_tasks(database, handler)

    assert times_each(await people_by_task(database)) == Counter(range(FIRST, FIRST + 30))
    tasks = await database.fetch("SELECT message_id FROM task WHERE splittest_id = 1 ORDER BY id")
    assert [task["message_id"] for task in tasks] == [1, 2, 3, 2]


async def test_the_rest_gets_the_version_that_won(database: Database, handler: Handler) -> None:
    await post_splittest(database, 30)
    variants = await draw(database, handler)
    edit = EditMessage("message 1", {**CONTENT, "subject": "Edited"}, ("https://example.com/offer",))
    await handler.handle(MESSAGES, "message-1", edit, ACCOUNT)
    await end(database, handler, dict.fromkeys(variants, 0))
    await planner(database, handler).advance()
    await freeze_tasks(database, handler)

    versions = await database.fetch("SELECT message_version FROM task WHERE message_id = 1 ORDER BY id")
    assert [row["message_version"] for row in versions] == [1, 1]


async def test_who_leaves_between_the_draw_and_the_decision_keeps_his_place_and_gets_nothing(
    database: Database, handler: Handler
) -> None:
    """Unsubscribed or erased, he is in the audience of the rest, and suppressed at hand-over, as of any task."""
    await post_splittest(database, 30)
    variants = await draw(database, handler)
    drawn = BitMap(times_each(variants))
    gone, erased = [person for person in range(FIRST, FIRST + 30) if person not in drawn][:2]
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = $1", gone)
    await database.execute("DELETE FROM subscription WHERE subscriber_id = $1", erased)
    await database.execute("DELETE FROM subscriber WHERE id = $1", erased)
    await end(database, handler, dict.fromkeys(variants, 0))
    await planner(database, handler).advance()
    await freeze_tasks(database, handler)

    rest = (await row_of(database))["winner_task_id"]
    people = (await people_by_task(database))[rest]
    rows = await database.fetch(SENDING["recipients_of_batch"], rest, list(range(len(people))), 1)
    suppressed = {people[row["ordinal"]]: row["suppressed"] for row in rows if row["suppressed"]}
    assert len(people) == 21
    assert suppressed == {gone: "unsubscribed", erased: "erased"}
