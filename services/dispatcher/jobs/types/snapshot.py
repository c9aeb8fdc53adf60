"""``snapshot`` and ``blast_snapshot``: whom a query finds, counted; of everybody, or of a campaign's recipients."""

from typing import Final

from pyroaring import BitMap

from services.dispatcher.jobs.campaigns.read import QUERIES, SentTask, asks_nothing, finding, open_query, read_tasks
from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.snapshots.count_people import count_people
from services.dispatcher.jobs.work import Completed, JobTools, Outcome
from shared.audience.audience import Audience
from shared.delivery_log.ordinal_sets import read_sets
from shared.domain.delivery import EVENTS
from shared.domain.identifiers import CHUNK

_NAMES: Final = {kind: kind.name.lower() for kind in EVENTS}


async def work_snapshot(tools: JobTools, job: HeldJob) -> Outcome | None:
    """``params``: ``query``."""
    audience = await open_query(tools, job, job.params["query"], tools.now())
    return Completed({"snapshot": await count_people(tools.database, job.account_id, audience)})


async def work_blast_snapshot(tools: JobTools, job: HeldJob) -> Outcome | None:
    """``params``: ``blast_id``, ``query``. Events are counted out of the exact sets: recipients who have one."""
    audience = await open_query(tools, job, job.params["query"], tools.now())
    tasks = await read_tasks(tools, job)
    stats = await count_people(tools.database, job.account_id, audience, [task.task_id for task in tasks])
    counts = dict.fromkeys(("recipients", *_NAMES.values()), 0)
    for task in tasks:
        found = await _found(tools, job, audience, task)
        counts["recipients"] += len(found)
        for kind, members in (await read_sets(tools.database, task.task_id, EVENTS)).items():
            counts[_NAMES[kind]] += found.intersection_cardinality(members)
    return Completed({"stats": {**stats, "messages": counts}})


async def _found(tools: JobTools, job: HeldJob, audience: Audience, task: SentTask) -> BitMap:
    """The ordinals of those whom the query finds."""
    if asks_nothing(audience):
        return BitMap(range(task.recipients))
    statement, args = finding("recipients_found", audience, 5)
    found = BitMap()
    for first in range(0, task.recipients, CHUNK):
        span = (task.task_id, first, first + CHUNK - 1)
        async with tools.database.transaction() as connection:
            await connection.execute(QUERIES["go_by_index"])
            found |= BitMap(await connection.fetch_value(statement, job.account_id, *span, *args))
    return found
