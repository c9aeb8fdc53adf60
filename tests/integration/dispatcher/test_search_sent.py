"""A task to a search, from its start to the relay."""

from collections import Counter
from pathlib import Path

from pyroaring import BitMap

from shared.domain.delivery import Kind
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
