"""The auditor only reads, a page at a time: it holds up nobody, and its memory is that of a page and some sets."""

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from services.standalone.audit import audit
from services.standalone.audit.findings import Finding
from services.standalone.audit.statements import STATEMENTS
from shared.domain.message import MessageEdited
from shared.event_store.interface import Actor, Append, StreamAppend, TailPosition
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database, DatabaseError
from tests.integration.tracker.running_projectors import project_all
from tests.integration.tracker.sent_tasks import create_message, send_task
from tests.sent_task import make_sent

RECIPIENTS = 250_000
MOST_BYTES = 4_000_000  #: what is recorded of so many is more than that


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(database_url)
    yield database
    await database.close()


async def test_memory_is_flat_however_much_is_recorded(database: Database, database_url: str) -> None:
    """Half a million hits of a quarter of a million recipients, in less memory than the log of them takes."""
    owner, store = await Database.connect(database_url, role=None), PostgresEventStore(database)
    await create_message(store, 1)
    await send_task(store, 1, recipients=None)
    await make_sent(database, owner, 1, RECIPIENTS)
    await project_all(database)
    await owner.execute("UPDATE task SET scheduledtime = to_timestamp(0)")  # it was sent long before its events say
    recorded = await owner.fetch_value("SELECT sum(octet_length(hits) + octet_length(ordinals)) FROM segment")

    tracemalloc.start()
    findings = await audit(database)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await owner.close()

    assert findings == []
    assert peak < MOST_BYTES < recorded


async def test_who_only_reads_holds_up_no_tail_and_can_change_nothing(database: Database) -> None:
    """While it looks, what is committed is read by those who wait for open transactions."""
    store = PostgresEventStore(database)
    async with database.transaction() as looking:
        await looking.execute(STATEMENTS["only_read"])
        await looking.fetch(STATEMENTS["tasks_after"], 0, 1)
        await store.append(Append((StreamAppend("message-1", 0, [MessageEdited("a", {}, ())], Actor(1)),)))
        assert [event.stream for event in await store.read_after(TailPosition(), 10)] == ["message-1"]
        assert await looking.fetch_value("SELECT count(*) FROM event") == 0, "it sees one moment"

    with pytest.raises(DatabaseError, match="read-only"):
        await write_while_reading(database)


async def write_while_reading(database: Database) -> None:
    async with database.transaction() as looking:
        await looking.execute(STATEMENTS["only_read"])
        await looking.execute("UPDATE balance SET charged = 0")


def test_a_breach_is_told_with_some_of_the_recipients_and_of_none_where_it_is_of_nobody() -> None:
    of_many = Finding("c", "I6", "task 7", 1_000, "are missing", (1, 2))

    assert str(of_many) == "I6 task 7: are missing: 1,000 (1, 2, …)"
    assert str(Finding("c", "I6", "task 7", 2, "are missing", (1, 2))) == "I6 task 7: are missing: 2 (1, 2)"
    assert str(Finding("c", "I3", "stream list-7", 4, "versions are missing")) == (
        "I3 stream list-7: versions are missing: 4"
    )
