"""A campaign's task goes to the union of its segments, each person once; to the whole list where it has none."""

from typing import Any

import pytest

from services.dispatcher.campaigns.move import move_campaigns
from services.dispatcher.decisions import page_size
from services.dispatcher.planner import freeze_audience
from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from tests.campaigns import make_world, post_campaign
from tests.searching import change_query, save_search


@pytest.fixture(autouse=True)
async def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Persons 1 to 12 at the places 0 to 11, looked at a few at a time; 13 is on no list."""
    monkeypatch.setattr(freeze_audience, "CHUNK_ROWS", 5)
    monkeypatch.setattr(page_size, "FEWEST", 1)
    monkeypatch.setattr(page_size, "MOST", 5)
    await make_world(database, 12)
    await database.execute(
        """INSERT INTO subscriber (id, account_id, email, vars, cdate)
           VALUES (13, 1, 'x@example.com', '{"place": 3}', now())"""
    )


def below(place: int) -> dict[str, Any]:
    return {"criteria": ["lt"], "field": ["place"], "value": [place]}


def above(place: int) -> dict[str, Any]:
    return {"criteria": ["gt"], "field": ["place"], "value": [place]}


async def audiences(database: Database, handler: Handler, *segments: int) -> list[list[int]]:
    """Whom its two tasks go to."""
    await start(database, handler, *segments)
    return await freeze(database, handler)


async def start(database: Database, handler: Handler, *segments: int) -> None:
    await post_campaign(database, segments=segments)
    await move_campaigns(database, handler, Ids(database))


async def freeze(database: Database, handler: Handler) -> list[list[int]]:
    await start_due_tasks(database, handler)
    while await freeze_one_audience(database, handler, 1):
        pass
    found = []
    for task in await database.fetch("SELECT id, recipients FROM task ORDER BY id"):
        rows = await database.fetch(
            "SELECT ordinal, subscriber_id FROM contact_record WHERE task_id = $1 ORDER BY ordinal", task["id"]
        )
        assert [row["ordinal"] for row in rows] == list(range(task["recipients"]))
        found.append([row["subscriber_id"] for row in rows])
    return found


async def test_several_segments_are_their_union(database: Database, handler: Handler) -> None:
    """Who is in both is there once; who is in neither, or not on the list, is not."""
    await save_search(database, below(6), number=1, list_id=1)
    await save_search(database, {**above(3), "criteria": ["gt", "lt"], "field": ["place", "place"], "value": [3, 9]},
                      number=2, list_id=1)  # fmt: skip

    assert await audiences(database, handler, 1, 2) == [list(range(1, 10))] * 2
    rows = await database.fetch("SELECT size, segments, list_id FROM task")
    assert [tuple(row) for row in rows] == [(9, [1, 2], 1)] * 2


async def test_a_segment_alone_is_itself(database: Database, handler: Handler) -> None:
    """Whatever joins its conditions."""
    query = {"query_mode": "or", "criteria": ["lt", "gt"], "field": ["place", "place"], "value": [2, 9]}
    await save_search(database, query, number=1, list_id=1)

    assert await audiences(database, handler, 1) == [[1, 2, 11, 12]] * 2


async def test_conditions_of_all_kinds_come_together(database: Database, handler: Handler) -> None:
    """What was opened, in one of them; lists by name, in the other."""
    await database.execute("INSERT INTO engagement VALUES (4, 1, 1, 0, now(), NULL, NULL)")
    await save_search(database, {"criteria": ["open_time"], "timerange": ["since_days"], "value": [30]}, list_id=1)
    query = {"source_list": "list 1", "criteria": ["lt"], "field": ["place"], "value": [2]}
    await save_search(database, query, number=2, list_id=1)

    assert await audiences(database, handler, 1, 2) == [[1, 2, 4]] * 2


async def test_none_is_the_whole_list(database: Database, handler: Handler) -> None:
    """And of it the report says who left between the count and the freeze."""
    await start(database, handler)
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 3")

    everybody = [each for each in range(1, 13) if each != 3]
    assert await freeze(database, handler) == [everybody] * 2
    excluded = await database.fetch_value("SELECT excluded FROM task LIMIT 1")
    assert excluded == {"unsubscribed": 1, "opted_out": 0, "suppressed": 0}


async def test_they_are_asked_when_the_task_starts(database: Database, handler: Handler) -> None:
    """Not when the campaign was posted, nor later."""
    await save_search(database, below(6), number=1, list_id=1)
    await start(database, handler, 1)
    await change_query(database, below(3))
    await start_due_tasks(database, handler)
    await change_query(database, below(9))

    assert await freeze(database, handler) == [[1, 2, 3]] * 2


async def test_who_may_not_be_written_to_is_in_no_union(database: Database, handler: Handler) -> None:
    """Not confirmed, gone, opted out, suppressed, or without an address of the channel."""
    await save_search(database, below(5), number=1, list_id=1)
    await save_search(database, above(6), number=2, list_id=1)
    await database.execute("UPDATE subscription SET confirmed = false WHERE subscriber_id = 1")
    await database.execute("UPDATE subscription SET ended_at = now() WHERE subscriber_id = 2")
    await database.execute("UPDATE subscriber SET optout = 'blast' WHERE id = 3")
    await database.execute("UPDATE subscriber SET telephone = NULL WHERE id = 4")
    await database.execute(
        """INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, list_id, reason, source, cdate)
           SELECT 1, 'email', 'x', email, id, 1, 'manual', 'test', now() FROM subscriber WHERE id = 8"""
    )

    email, sms = await audiences(database, handler, 1, 2)
    assert email == [4, 5, 9, 10, 11, 12]
    assert sms == [5, 8, 9, 10, 11, 12]
