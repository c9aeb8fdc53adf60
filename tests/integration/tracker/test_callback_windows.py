"""The delivery log, cut into callbacks: who is in which window, and that nothing is lost or told twice."""

import asyncio
from random import Random

from pyroaring import BitMap

from services.tracker.callbacks.cut_windows import WindowCutter
from services.tracker.metrics import Metrics
from shared.domain.delivery import Kind
from shared.postgres.database import Database
from tests.integration.settled_commits import wait_for_settled_commits
from tests.integration.tracker.called_back import (
    ALL_SHARDS,
    NOON_MS,
    Post,
    add_account,
    add_campaign,
    add_task,
    happened,
    post_on,
    segment,
)

URL = "http://127.0.0.1:9/"


async def named(database: Database) -> list[tuple[int, Kind, list[int]]]:
    """(task, event, ordinals) of each call, in their order."""
    rows = await database.fetch("SELECT task_id, kind, ordinals FROM callback_window ORDER BY number")
    return [(row["task_id"], Kind(row["kind"]), list(BitMap.deserialize(row["ordinals"]))) for row in rows]


async def test_a_window_names_everybody_once_by_event_and_channel(database: Database, database_url: str) -> None:
    """Email tells five events, SMS two; what else the log knows is nobody's to hear."""
    await add_account(database)
    mail, text = await add_campaign(database, 1, URL, ("email", "sms"))
    async with post_on(database_url) as post:
        for kind in Kind:
            await happened(
                database, segment(mail, kind, [3, 1, 3]), segment(mail, kind, [1, 2]), segment(text, kind, [7, 7])
            )
        await post.cut()

    assert sorted(await named(database)) == sorted(
        [(mail, kind, [1, 2, 3]) for kind in (Kind.SUBMITTED, Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED)]
        + [(text, kind, [7]) for kind in (Kind.DELIVERED, Kind.BOUNCED)]
    )


async def test_whoever_opens_in_two_windows_is_named_in_both(database: Database, database_url: str) -> None:
    await add_account(database)
    (task,) = await add_campaign(database, 1, URL)
    async with post_on(database_url) as post:
        await happened(database, segment(task, Kind.OPENED, [1, 2]))
        await post.cut()
        await happened(database, segment(task, Kind.OPENED, [2, 3]))
        await post.cut()

    assert await named(database) == [(task, Kind.OPENED, [1, 2]), (task, Kind.OPENED, [2, 3])]


async def test_a_thousand_at_most_in_one_call(database: Database, database_url: str) -> None:
    """Each of the window once, whatever the calls; `when` is the earliest event of the window."""
    await add_account(database)
    (task,) = await add_campaign(database, 1, URL)
    async with post_on(database_url) as post:
        await happened(
            database,
            *(segment(task, Kind.OPENED, range(first, first + 500), NOON_MS + first) for first in (1500, 500, 2000, 0)),
            segment(task, Kind.OPENED, range(2500), NOON_MS + 9000),
        )
        await post.cut()
        windows = await post.windows()

    calls = [ordinals for _, _, ordinals in await named(database)]
    assert [len(call) for call in calls] == [1000, 1000, 500]
    assert sorted(ordinal for call in calls for ordinal in call) == list(range(2500))
    assert {window["first_ms"] for window in windows} == {NOON_MS}
    assert len({window["number"] for window in windows}) == 3


async def test_events_come_in_the_order_in_which_a_recipient_has_them(database: Database, database_url: str) -> None:
    """Though the log has them in another."""
    await add_account(database)
    (task,) = await add_campaign(database, 1, URL)
    told = [Kind.SUBMITTED, Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED]
    async with post_on(database_url) as post:
        for kind in reversed(told):
            await happened(database, segment(task, kind, [1]))
        await post.owner.execute("UPDATE segment SET recorded_at = to_timestamp(1700000010)")
        await post.cut()

    assert [kind for _, kind, _ in await named(database)] == told


async def test_a_window_is_left_alone_until_it_has_ended(database: Database, database_url: str) -> None:
    await add_account(database)
    (task,) = await add_campaign(database, 1, URL)
    async with post_on(database_url, window_seconds=3600) as post:
        await happened(database, segment(task, Kind.OPENED, [1]))
        await wait_for_settled_commits(database)
        # Whatever the hour, this one is of a window that ends later.
        await post.owner.execute("UPDATE segment SET recorded_at = now() + interval '1 minute'")
        while await post.cutter.step():
            pass
        assert await named(database) == []

    async with post_on(database_url, window_seconds=1) as post:
        await post.cut()
        await post.owner.execute("UPDATE segment SET recorded_at = now() - interval '1 minute'")
        while await post.cutter.step():
            pass
        assert await named(database) == [(task, Kind.OPENED, [1])]


async def test_only_campaigns_that_want_it_are_called(database: Database, database_url: str) -> None:
    """A task without a campaign, a campaign without a URL: passed over, and not told later either."""
    await add_account(database)
    (silent,) = await add_campaign(database, 1, None)
    (heard,) = await add_campaign(database, 2, URL)
    await add_task(database, 99, None, "email")
    async with post_on(database_url) as post:
        await happened(database, *(segment(task, Kind.OPENED, [1]) for task in (silent, heard, 99)))
        await post.cut()
        await database.execute("UPDATE campaign SET event_callback = $1", URL)
        await happened(database, segment(silent, Kind.OPENED, [2]))
        await post.cut()

    assert await named(database) == [(heard, Kind.OPENED, [1]), (silent, Kind.OPENED, [2])]


async def random_events(database: Database, chance: Random) -> set[tuple[int, Kind, int]]:
    """Appended in small commits to three campaigns; answers every (task, event, recipient) that is to be told."""
    tasks = [task for campaign in (1, 2, 3) for task in await add_campaign(database, campaign, URL)]
    segments = [
        segment(chance.choice(tasks), chance.choice(list(Kind)[:5]), chance.sample(range(50), 9)) for _ in range(200)
    ]
    for start in range(0, len(segments), 10):
        await happened(database, *segments[start : start + 10])
    await wait_for_settled_commits(database)
    return {(part.task_id, part.kind, ordinal) for part in segments for ordinal in part.hits.ordinals}


def cutter_on(post: Post) -> WindowCutter:
    return WindowCutter(post.database, lambda: ALL_SHARDS, 30, Metrics(), lambda: None)


async def cut_all(cutter: WindowCutter) -> None:
    while await cutter.step():
        pass


async def test_any_number_of_trackers_cut_each_event_once(database: Database, database_url: str) -> None:
    """All believe that every shard is theirs; who does not stand where he read from cuts nothing."""
    await add_account(database)
    async with post_on(database_url) as post:
        expected = await random_events(database, Random(1))
        await post.owner.execute("UPDATE segment SET recorded_at = to_timestamp(1700000010)")
        await asyncio.gather(*(cut_all(cutter_on(post)) for _ in range(4)))

    found = [(task, kind, ordinal) for task, kind, who in await named(database) for ordinal in who]
    assert sorted(found) == sorted(expected)


async def test_a_tracker_that_is_killed_at_any_moment_loses_nothing(database: Database, database_url: str) -> None:
    """It is cut off in the middle of its statements, again and again; what it stored it stored with its checkpoint."""
    await add_account(database)
    async with post_on(database_url) as post:
        expected = await random_events(database, Random(2))
        await post.owner.execute("UPDATE segment SET recorded_at = to_timestamp(1700000010)")
        chance = Random(3)
        for _ in range(60):
            working = asyncio.create_task(cut_all(cutter_on(post)))
            await asyncio.wait([working], timeout=chance.random() * 0.05)
            working.cancel()
            await asyncio.wait([working])
        await cut_all(cutter_on(post))

    found = [(task, kind, ordinal) for task, kind, who in await named(database) for ordinal in who]
    assert sorted(found) == sorted(expected)


async def test_nobody_is_named_twice_in_one_window(database: Database, database_url: str) -> None:
    """What is committed after its window was cut belongs to the next one, whoever cuts it; so does what the log has
    behind an event of the next one.
    """
    await add_account(database)
    (task,) = await add_campaign(database, 1, URL)
    at = 1_700_000_010  # a window's first second; openings count a second later
    for seconds, ordinals in ((3, [1, 2]), (40, [1]), (4, [1, 3]), (5, [1]), (41, [4]), (75, [1])):
        await happened(database, segment(task, Kind.OPENED, ordinals))
        async with post_on(database_url) as post:
            await post.owner.execute(
                "UPDATE segment SET recorded_at = to_timestamp($1) WHERE recorded_at > now() - interval '5 minutes'",
                float(at + seconds),
            )
            await post.cut_ended()

    rows = await database.fetch("SELECT opened_at, ordinals FROM callback_window ORDER BY number")
    named = [(row["opened_at"], ordinal) for row in rows for ordinal in BitMap.deserialize(row["ordinals"])]
    assert len(named) == len(set(named)) == 8
    assert [opened for opened, _ in named] == sorted(opened for opened, _ in named)
