"""Split tests in the planner: one frozen audience, and everybody of it in exactly one task."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from services.dispatcher.decisions import page_size
from services.dispatcher.planner import freeze_audience
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.splittests import freeze_share
from services.dispatcher.planner.splittests.freeze_audience import freeze_one_splittest
from services.dispatcher.planner.splittests.measure import complete_splittests, measure_splittests
from services.dispatcher.planner.splittests.statements import STATEMENTS as SPLITTING
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS
from shared.domain.identifiers import task_stream
from shared.domain.task import ChangeTask, CompleteTask
from shared.event_store.handle_command import Handler
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import ACCOUNT
from tests.integration.dispatcher.splitting import (
    FIRST,
    OTHER,
    OWNER,
    KilledAt,
    draw,
    end,
    freeze_tasks,
    planner,
)
from tests.splitting import change, people_by_task, post_splittest, row_of, times_each


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 7)
    monkeypatch.setattr(page_size, "FEWEST", 1)
    monkeypatch.setattr(page_size, "MOST", 7)


async def test_everybody_of_one_audience_is_in_exactly_one_task(database: Database, handler: Handler) -> None:
    """Who joins after it was frozen is in none; the winner goes to exactly the rest."""
    await post_splittest(database, 101)
    variants = await draw(database, handler)
    late = FIRST + 900
    await database.execute(
        "INSERT INTO subscriber (id, account_id, email, cdate) VALUES ($1, 1, 'late@b.co', now())", late
    )
    await database.execute("INSERT INTO subscription VALUES (1, $1, true, now())", late)

    assert [len(people) for people in variants.values()] == [10, 10, 10]
    first, second, third = variants
    await end(database, handler, {first: 2, second: 5, third: 4})
    assert await planner(database, handler).advance()
    await freeze_tasks(database, handler)

    people = await people_by_task(database)
    assert times_each(people) == Counter(range(FIRST, FIRST + 101))
    row = await row_of(database)
    assert (row["winner_message_id"], row["scores"], row["accepted"]) == (2, [2, 5, 4], [10, 10, 10])
    assert len(people[row["winner_task_id"]]) == 71
    tasks = await database.fetch("SELECT message_id, recipients, size FROM task WHERE splittest_id = 1 ORDER BY id")
    assert [tuple(task) for task in tasks] == [(1, 10, 10), (2, 10, 10), (3, 10, 10), (2, 71, 71)]
    assert sum(task["recipients"] for task in tasks) == row["recipients"]


@pytest.mark.parametrize(
    ("size", "terms", "shares"),
    [
        pytest.param(2, {}, [1, 1, 0], id="fewer people than variants"),
        pytest.param(0, {}, [0, 0, 0], id="nobody"),
        pytest.param(20, {"segmentvalue": 100}, [7, 7, 6], id="a sample of everybody"),
        pytest.param(20, {"segmenttype": "number", "segmentvalue": 5}, [2, 2, 1], id="a number"),
    ],
)
async def test_small_audiences_come_to_an_end_too(
    database: Database, handler: Handler, size: int, terms: dict[str, Any], shares: list[int]
) -> None:
    """With nobody left there is a winner, and no task for it; nobody opened anything, so the first one is it."""
    await post_splittest(database, size, **terms)
    variants = await draw(database, handler)
    await end(database, handler, dict.fromkeys(variants, 0))
    assert [len(people) for people in variants.values()] == shares

    await planner(database, handler).advance()
    await freeze_tasks(database, handler)
    row = await row_of(database)
    assert row["winner_message_id"] == 1
    assert (row["winner_task_id"] is None) == (sum(shares) == size)
    if row["winner_task_id"]:
        assert not row["completed"]
        await handler.handle(TASKS, task_stream(row["winner_task_id"]), CompleteTask(), ACCOUNT)
        await complete_splittests(database, handler)
    assert (await row_of(database))["completed"]
    assert times_each(await people_by_task(database)) == Counter(range(FIRST, FIRST + size))


async def test_many_planners_draw_once(database: Database, handler: Handler) -> None:
    await post_splittest(database, 60)

    await asyncio.gather(*(planner(database, handler, owner).advance() for owner in range(6)))

    assert await database.fetch_value("SELECT count(*) FROM task WHERE splittest_id = 1") == 3
    types = await database.fetch("SELECT type FROM event WHERE stream = 'splittest-1' ORDER BY version")
    assert [row["type"] for row in types] == ["splittest.created", "splittest.started", "splittest.drawn"]


@pytest.mark.parametrize("stored", [True, False], ids=["after the commit", "before it"])
async def test_killed_at_any_append_it_goes_on_with_nobody_lost_or_twice(
    database: Database, handler: Handler, *, stored: bool
) -> None:
    """Every planner dies at its first append, the next at its second: at the start, the draw, each task's start and
    freeze, and the decision.
    """
    await post_splittest(database, 50)
    for appends in (1, 2, 1, 1, 2, 1, 3, 1, 1):
        mortal = Handler(KilledAt(database, appends, stored=stored), clock.now)
        with suppress(asyncio.CancelledError):  # the last of them find less to append than they live for
            await draw(database, mortal)
        await database.execute("UPDATE sending SET leased_until = '-infinity'")
        await database.execute("UPDATE splitting SET leased_until = '-infinity'")
    variants = await draw(database, handler)
    await end(database, handler, dict(zip(variants, (1, 2, 3), strict=True)))
    mortal = Handler(KilledAt(database, 1, stored=stored), clock.now)
    with pytest.raises(asyncio.CancelledError):
        await measure_splittests(database, mortal)
    row = await row_of(database)
    made = await database.fetch_value("SELECT count(*) FROM task WHERE splittest_id = 1")
    assert (row["winner_message_id"], made) == ((3, 4) if stored else (None, 3)), "a winner and its task, or neither"

    await planner(database, handler).advance()
    await freeze_tasks(database, handler)

    assert times_each(await people_by_task(database)) == Counter(range(FIRST, FIRST + 50))
    assert await database.fetch_value("SELECT count(*) FROM task WHERE splittest_id = 1") == 4


async def test_the_freeze_of_the_audience_goes_on_where_a_dead_planner_left_it(
    database: Database, handler: Handler
) -> None:
    await post_splittest(database, 60)
    dead = Handler(KilledAt(database, 2, stored=False), clock.now)
    with pytest.raises(asyncio.CancelledError):
        await planner(database, dead).advance()
    assert await database.fetch_value("SELECT count(*) FROM split_recipient") == 60
    assert not await freeze_one_splittest(database, handler, OTHER, lambda: 9), "its lease lasts"
    await database.execute("UPDATE splitting SET leased_until = '-infinity'")
    await database.execute("UPDATE splitting SET last_subscriber_id = $1, next_ordinal = 40", FIRST + 39)
    await database.execute("DELETE FROM split_recipient WHERE ordinal >= 40")

    assert await freeze_one_splittest(database, handler, OTHER, lambda: 9)

    people = await database.fetch("SELECT subscriber_id FROM split_recipient ORDER BY ordinal")
    assert [row["subscriber_id"] for row in people] == list(range(FIRST, FIRST + 60))
    assert (await row_of(database))["recipients"] == 60


async def test_the_freeze_of_a_share_goes_on_where_a_dead_planner_left_it(database: Database, handler: Handler) -> None:
    """Whoever takes over draws the same; the one that stalled writes nothing any more."""
    await post_splittest(database, 60)
    await planner(database, handler).advance()
    await start_due_tasks(database, handler)
    claimed = await database.fetch_row(STATEMENTS["claim_freezing"], OWNER, 15.0)
    assert claimed is not None
    drawn = await row_of(database)
    members = await freeze_share._members(drawn, claimed["task_id"])
    page = (claimed["task_id"], claimed["epoch"])
    statement, rest = SPLITTING["freeze_share"], (drawn["rest_task_id"], 15.0)
    assert await database.fetch_value(statement, *page, 0, list(members[:2]), *rest)
    await database.execute("UPDATE sending SET leased_until = '-infinity'")

    while await freeze_one_audience(database, handler, OTHER):
        pass

    assert not await database.fetch_value(statement, *page, 2, list(members[2:4]), *rest)
    people = await people_by_task(database)
    assert [len(each) for each in people.values()] == [6, 6, 6]
    assert set(times_each(people).values()) == {1}


async def test_cancelled_while_its_audience_is_frozen_it_makes_no_task(database: Database, handler: Handler) -> None:
    await post_splittest(database, 30)
    dead = Handler(KilledAt(database, 2, stored=False), clock.now)
    with pytest.raises(asyncio.CancelledError):
        await planner(database, dead).advance()
    await change(handler, cancelled=True)
    await database.execute("UPDATE splitting SET leased_until = '-infinity'")

    await planner(database, handler).advance()

    assert await people_by_task(database) == {}


async def test_a_cancel_is_one_of_all_its_tasks_in_the_same_moment(database: Database, handler: Handler) -> None:
    """What has ended stays as it ended, and nothing more is made."""
    await post_splittest(database, 30)
    first, second, third = await draw(database, handler)
    await handler.handle(TASKS, task_stream(first), CompleteTask(), ACCOUNT)

    await change(handler, cancelled=True)

    states = await database.fetch("SELECT completed, cancelled FROM task WHERE splittest_id = 1 ORDER BY id")
    assert [tuple(row) for row in states] == [(True, False), (False, True), (False, True)]
    assert not await planner(database, handler).advance()
    assert set(await people_by_task(database)) == {first, second, third}


async def test_one_to_a_search_asks_it_once_and_reaches_by_its_lists(database: Database, handler: Handler) -> None:
    """What the search finds later is in no task; who has left its lists is suppressed at hand-over."""
    await post_splittest(database, 30)
    await database.execute(
        """INSERT INTO saved_search (id, account_id, name, version, list_id, query, cdate, removed)
           VALUES (4, 1, 'All of 1', 1, NULL, $1, now(), false)""",
        {"source_list": "All", "criteria": ["match"], "field": ["name"], "value": ["Person 1|Person 2|Person 3"]},
    )
    await change(handler, list_id=None, search_id=4)
    variants = await draw(database, handler)

    assert times_each(variants) == Counter([FIRST + 1, FIRST + 2, FIRST + 3])
    row = await row_of(database)
    assert row["recipients"] == 3
    lists = await database.fetch("SELECT reached_lists FROM sending ORDER BY task_id")
    assert [row["reached_lists"] for row in lists] == [[1], [1], [1]]


async def test_the_target_of_one_of_its_tasks_is_not_changed(database: Database, handler: Handler) -> None:
    await post_splittest(database, 30)
    await planner(database, handler).advance()
    first = min(await people_by_task(database))

    refused = await handler.handle(
        TASKS, task_stream(first), ChangeTask(frozenset({"list_id"}), list_id=None, search_id=4), ACCOUNT
    )

    assert getattr(refused, "because", None) in ("conflict", "invalid")
    assert await database.fetch_value("SELECT list_id FROM task WHERE id = $1", first) == 1


async def test_it_starts_when_it_is_due_and_not_before(database: Database, handler: Handler) -> None:
    await post_splittest(database, 3, scheduledtime=4_000_000_000.0)

    assert not await planner(database, handler).advance()
    await change(handler, scheduledtime=0.0)
    assert await planner(database, handler).advance()
