"""A task to a search, from its start to the relay."""

from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from services.dispatcher.planner.freeze_audience import freeze_one_audience
from services.dispatcher.planner.start_due import start_due_tasks
from shared.domain.delivery import Kind
from shared.event_store.handle_command import Handler
from shared.postgres.database import Database
from tests.audience import post_task
from tests.integration.dispatcher.dispatching import dispatching, settled
from tests.searching import post_search_task, save_search
from tests.sinks.fake_relay import FakeRelay

TASK = 7


async def test_whoever_is_found_gets_one_message(database: Database, tmp_path: Path) -> None:
    """Found on two lists by two conditions; by mail, and nobody else."""
    await post_task(database, 30)
    await post_task(database, 5, number=2)
    await database.execute("UPDATE task SET scheduledtime = 'infinity'")
    await database.execute("INSERT INTO subscription SELECT 2, id, true, now() FROM subscriber WHERE id < 10000010")
    query = {
        "source_list": ".multiple",
        "multiple_source_list": ["list 1", "list 2"],
        "criteria": ["not", "domain"],
        "field": ["name"],
        "value": ["Person 3|Person 4", "EXAMPLE.com"],
    }
    await save_search(database, query)
    await post_search_task(database, number=TASK)

    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 31, TASK)

    wanted = [f"person-{number}-{n}@example.com" for number, size in ((1, 30), (2, 5)) for n in range(size)]
    assert sets[Kind.SUBMITTED] == BitMap(range(31))
    assert Counter(relay.recipients()) == Counter(each for each in wanted if each[9:11] not in ("3@", "4@"))


async def test_who_is_suppressed_for_every_list_that_reaches_him_is_left_out(
    database: Database, handler: Handler, tmp_path: Path
) -> None:
    """At the freeze and at the hand-over; another list of the search still reaches him."""
    await post_task(database, 6)
    await post_task(database, 0, number=2)
    await database.execute("UPDATE task SET scheduledtime = 'infinity'")
    await suppress_for_list(database, 1, *range(3))
    await database.execute("INSERT INTO subscription SELECT 2, id, true, now() FROM subscriber WHERE id < 10000002")
    await save_search(database, {})
    await post_search_task(database, number=TASK)
    await start_due_tasks(database, handler)
    await freeze_one_audience(database, handler, 5)
    frozen = await database.fetch("SELECT subscriber_id FROM contact_record WHERE task_id = $1", TASK)
    assert {row["subscriber_id"] - 10_000_000 for row in frozen} == {0, 1, 3, 4, 5}

    await suppress_for_list(database, 2, 0)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        sets = await settled(database, 5, TASK)

    assert sorted(relay.recipients()) == [f"person-1-{n}@example.com" for n in (1, 3, 4, 5)]
    assert sets[Kind.SUPPRESSED] == BitMap([0])


async def suppress_for_list(database: Database, list_id: int, *people: int) -> None:
    await database.execute(
        """INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, list_id, reason, source, cdate)
        SELECT 1, 'email', decode(md5(email), 'hex'), email, id, $1, 'manual', 'test', now()
          FROM subscriber WHERE id - 10000000 = ANY ($2::integer[])""",
        list_id,
        list(people),
    )
