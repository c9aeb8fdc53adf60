"""What tasks did for their recipients, by the native listing of contact records, a page in an envelope's worth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyroaring import BitMap

from services.api.dialects.signupto.listing import QUERIES
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
        rows = await database.fetch(QUERIES["ordinals_of_subscriber"], task["id"], subscriber_id)
        listing = replace(listing, page=listing.page & BitMap([row["ordinal"] for row in rows]), more=False)
    found = [record async for piece in read_contacts(database, task, listing) for record in piece]
    return Records(found, listing.page.max() + 1 if listing.more else None)
