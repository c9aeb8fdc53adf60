"""Lists by their names, which jobs make where there are none."""

from collections.abc import Iterable

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.work import JobTools
from shared.domain.identifiers import AccountId, ListId, list_stream
from shared.domain.recipient_list import CreateList
from shared.event_store.interface import Actor
from shared.event_store.read_models.recipient_list import LISTS
from shared.postgres.database import UniqueViolation


async def find_lists(tools: JobTools, job: HeldJob, names: Iterable[str]) -> dict[str, int]:
    """Ids by name; a name without a list is missing."""
    rows = await tools.database.fetch(STATEMENTS["lists_by_name"], job.account_id, list(names))
    return {row["name"]: row["id"] for row in rows}


async def make_lists(tools: JobTools, job: HeldJob, names: Iterable[str]) -> dict[str, int]:
    """As above, once there is a list of each name. Whoever makes one of them at the same time does no harm."""
    wanted = list(names)
    found = await find_lists(tools, job, wanted)
    for name in wanted:
        if name not in found:
            await _make(tools, job, name)
    return await find_lists(tools, job, wanted) if len(found) < len(wanted) else found


async def _make(tools: JobTools, job: HeldJob, name: str) -> None:
    list_id = ListId(await tools.ids.next("list_id"))
    command = CreateList(list_id, AccountId(job.account_id), name, name_taken=False)
    try:
        await tools.handler.handle(LISTS, list_stream(list_id), command, Actor(job.account_id, job.user_id), fresh=True)
    except UniqueViolation:
        return  # there is one by now
