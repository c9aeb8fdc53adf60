"""Split tests in the planner: one frozen audience, everybody of it in exactly one task, and a winner by exact sets."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from pyroaring import BitMap

from services.dispatcher.decisions import page_size
from services.dispatcher.planner import freeze_audience
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.splittests import freeze_share
from services.dispatcher.planner.splittests.advance import SplitTests
from services.dispatcher.planner.splittests.freeze_audience import freeze_one_splittest
from services.dispatcher.planner.splittests.measure import complete_splittests, measure_splittests
from services.dispatcher.planner.splittests.statements import STATEMENTS as SPLITTING
from services.dispatcher.planner.start_due import start_due_tasks
from services.dispatcher.planner.statements import STATEMENTS
from services.dispatcher.sending.statements import STATEMENTS as SENDING
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.segments import Hits, Segment
from shared.domain.delivery import Kind
from shared.domain.identifiers import task_stream
from shared.domain.message import EditMessage
from shared.domain.task import ChangeTask, CompleteTask
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Append
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.message import MESSAGES
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.runtime import clock
from tests.audience import ACCOUNT, CONTENT
from tests.integration.tracker.running_projectors import project_all
from tests.splitting import change, people_by_task, post_splittest, row_of, times_each

OWNER, OTHER = 11, 12
FIRST = 10_000_000  #: where the subscribers begin


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 7)
    monkeypatch.setattr(page_size, "FEWEST", 1)
    monkeypatch.setattr(page_size, "MOST", 7)


def planner(database: Database, handler: Handler, owner: int = OWNER) -> SplitTests:
    return SplitTests(database, handler, owner, lambda: 5)


async def freeze_tasks(database: Database, handler: Handler) -> None:
    await start_due_tasks(database, handler)
    while await freeze_one_audience(database, handler, OWNER):
        pass


async def draw(database: Database, handler: Handler) -> dict[int, list[int]]:
    """Until the variants are ready to be sent."""
    await planner(database, handler).advance()
    await freeze_tasks(database, handler)
    return await people_by_task(database)


async def record(database: Database, task_id: int, kind: Kind, ordinals: Any, part: int = 0) -> None:
    hits = Hits.at_once(ordinals, 1_800_000_000_000)
    if len(hits):
        await DeliveryLog(database).append([Segment(task_id, kind, 0, int(kind), part, hits)])


async def end(database: Database, handler: Handler, scores: dict[int, int]) -> None:
    """Each variant is sent to all of its recipients, and opened by so many of them."""
    for task_id, score in scores.items():
        recipients = await database.fetch_value("SELECT recipients FROM task WHERE id = $1", task_id)
        await record(database, task_id, Kind.SUBMITTED, range(recipients))
        await record(database, task_id, Kind.OPENED, [*range(score), *range(score)])
        await handler.handle(TASKS, task_stream(task_id), CompleteTask(), ACCOUNT)
    await project_all(database)


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


class KilledAt(PostgresEventStore):
    """The store of a process that is killed at its n-th append: before it, or before it knows that it was stored."""

    def __init__(self, database: Database, appends: int, *, stored: bool) -> None:
        super().__init__(database)
        self._left = appends
        self._stored = stored

    async def append(self, append: Append) -> None:
        self._left -= 1
        if self._left:
            return await super().append(append)
        if self._stored:
            await super().append(append)
        raise asyncio.CancelledError


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
        with pytest.raises(asyncio.CancelledError):
            await draw(database, mortal)
            raise asyncio.CancelledError  # there was not so much left to append
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
