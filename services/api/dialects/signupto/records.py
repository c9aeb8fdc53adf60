"""What tasks did for their recipients, by the native listing of contact records, a page in an envelope's worth."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from services.api.authenticate import Caller
from services.api.dialects.signupto.listing import QUERIES
from services.api.resources.subscriber.contacts import tasks_that_reached
from services.api.resources.task import read
from services.api.resources.task.contacts import list_contacts, read_contacts
from services.api.resources.task.schema import ContactAnswer, ContactQuery, EventName
from shared.postgres.database import Database, Row


@dataclass(frozen=True, slots=True)
class Records:
    """``next_ordinal``: where the next page begins; None on the last."""

    found: Sequence[ContactAnswer]
    next_ordinal: int | None


async def read_records(
    database: Database,
    task: Row,
    *,
    event: EventName | None = None,
    subscriber_id: int | None = None,
    count: int,
    first: int = 0,
) -> Records:
    """Of one task, from ordinal ``first`` on; ``event``, ``subscriber_id``: only those."""
    one = subscriber_id is not None
    query = ContactQuery(event=event, count=None if one else count)
    listing = await list_contacts(database, task, query, first - 1)
    if one:
        ordinal = await ordinal_of(database, task["id"], subscriber_id or 0)
        mine = BitMap() if ordinal is None else BitMap([ordinal])
        listing = replace(listing, page=listing.page & mine, more=False)
    found = [record async for piece in read_contacts(database, task, listing) for record in piece]
    return Records(found, listing.page.max() + 1 if listing.more else None)


async def ordinal_of(database: Database, task_id: int, subscriber_id: int) -> int | None:
    """Which recipient of a task somebody is."""
    found: int | None = await database.fetch_value(QUERIES["ordinal_of"], task_id, subscriber_id)
    return found


async def records_of_person(
    database: Database, caller: Caller, subscriber_id: int, event: EventName, *, first_task: int = 0
) -> AsyncIterator[tuple[Row, ContactAnswer]]:
    """With this event, task by task from ``first_task`` on, of the tasks that the caller may see."""
    for row in await tasks_that_reached(database, caller, subscriber_id):
        task = await read.read_row(database, caller, row["id"]) if row["id"] >= first_task else None
        if task is not None:
            records = await read_records(database, task, event=event, count=1, first=row["ordinal"])
            for record in records.found:
                if record["ordinal"] == row["ordinal"]:
                    yield task, record
