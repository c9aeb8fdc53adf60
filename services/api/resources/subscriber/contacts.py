"""What was sent to one person, over all tasks: each record as the listing of its task tells it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from pyroaring import BitMap

from services.api.authenticate import Caller
from services.api.resources.subscriber.read import QUERIES
from services.api.resources.subscriber.schema import PersonContactAnswer
from services.api.resources.task import read as tasks
from services.api.resources.task.contacts import list_contacts, read_contacts
from services.api.resources.task.schema import ContactQuery
from shared.postgres.database import Database, Row


async def tasks_that_reached(database: Database, caller: Caller, subscriber_id: int) -> Sequence[Row]:
    """Task and ordinal, by task, of the tasks that the caller may see."""
    return await database.fetch(QUERIES["tasks_that_reached"], caller.account_id, subscriber_id, caller.only_of_user)


async def read_records(database: Database, caller: Caller, reached: Sequence[Row]) -> list[PersonContactAnswer]:
    records: list[PersonContactAnswer] = []
    for row in reached:
        task = await tasks.read_row(database, caller, row["id"])
        if task is None:
            continue
        listing = await list_contacts(database, task, ContactQuery(count=1), row["ordinal"] - 1)
        one = replace(listing, page=BitMap([row["ordinal"]]))
        async for piece in read_contacts(database, task, one):
            records += [
                cast(PersonContactAnswer, {"task_id": task["id"], "channel": task["channel"], **found})
                for found in piece
            ]
    return records
