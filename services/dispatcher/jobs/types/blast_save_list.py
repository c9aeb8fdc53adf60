"""``blast_save_list``: those recipients of a campaign whom a query finds, onto a list. It lifts nothing."""

from functools import partial
from typing import Final

from services.dispatcher.jobs.campaigns.read import QUERIES, SentTask, finding, open_query, read_tasks
from services.dispatcher.jobs.held_job import Chunk, HeldJob, in_chunk
from services.dispatcher.jobs.lists import make_lists
from services.dispatcher.jobs.people.settle import Settled
from services.dispatcher.jobs.people.tell import append_change
from services.dispatcher.jobs.work import Completed, JobTools, Outcome
from shared.domain.identifiers import Instant

ROWS: Final = 5_000  #: of a chunk
SOURCE: Final = "blast_save_list"  #: of the subscriptions


async def work_blast_save_list(tools: JobTools, job: HeldJob) -> Outcome | None:
    """One range of the recipients. ``params``: ``blast_id``, ``query``, ``list``. ``cursor``: ``place`` of the task,
    ``first`` ordinal, ``number`` of the chunk, and ``now``: the moment the query is asked at, once for all.
    """
    [list_id] = (await make_lists(tools, job, [job.params["list"]])).values()
    tasks = await read_tasks(tools, job)
    place, first = job.cursor.get("place", 0), job.cursor.get("first", 0)
    while place < len(tasks) and first >= tasks[place].recipients:
        place, first = place + 1, 0
    if place == len(tasks):
        return Completed({"added": job.result.get("added", 0)})
    await in_chunk(tools.database, job, partial(_save, tools, job, list_id, tasks, place, first))
    return None


async def _save(
    tools: JobTools, job: HeldJob, list_id: int, tasks: list[SentTask], place: int, first: int, chunk: Chunk
) -> None:
    now, number = Instant(job.cursor.get("now", tools.now())), job.cursor.get("number", 0)
    last = min(first + ROWS, tasks[place].recipients) - 1
    statement, args = finding("save_found", await open_query(tools, job, job.params["query"], now), 8)
    given = (job.account_id, tasks[place].task_id, first, last, list_id, SOURCE, now)
    await chunk.connection.execute(QUERIES["go_by_index"])
    [row] = await chunk.connection.fetch(statement, *given, *args)
    await append_change(chunk.connection, job, number, Settled([], row["added"], 0, []), now, list_id)
    done = sum(task.recipients for task in tasks[:place]) + last + 1
    chunk.cursor = {"place": place, "first": last + 1, "number": number + 1, "now": now}
    chunk.progress = done / sum(task.recipients for task in tasks)
    chunk.rows = last - first + 1
    chunk.result = {"added": job.result.get("added", 0) + len(row["added"])}
