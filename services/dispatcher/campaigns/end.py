"""Ends campaigns whose tasks have all ended: DONE, or ERROR where every one of them came to nothing."""

import structlog

from services.dispatcher.campaigns.statements import STATEMENTS
from services.dispatcher.decisions.judge_ended_task import judge_ended_task
from shared.delivery_log.chunks import FINAL_SET
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.campaign_commands import EndCampaign, EndedTask
from shared.domain.identifiers import TaskId, campaign_stream
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.campaign import CAMPAIGNS
from shared.postgres.database import Database

log = structlog.get_logger(__name__)

ENDED_AT_ONCE = 50  #: campaigns looked at in one round


async def end_campaigns(database: Database, handler: Handler) -> int:
    """How many ended."""
    ended = await database.fetch(STATEMENTS["ended_campaigns"], FINAL_SET, ENDED_AT_ONCE)
    if not ended:
        return 0
    tasks = await _judge(database, [task_id for row in ended for task_id in row["tasks"]])
    count = 0
    for row in ended:
        command = EndCampaign(tuple(tasks[task_id] for task_id in row["tasks"]))
        done = await handler.handle(CAMPAIGNS, campaign_stream(row["id"]), command, Actor(row["account_id"]))
        if isinstance(done, Done) and done.events:
            count += 1
            log.info("campaign ended", action="campaign_ended", campaign_id=row["id"], state=done.state.state)
    return count


async def _judge(database: Database, task_ids: list[int]) -> dict[int, EndedTask]:
    counts = await read_counts(database, task_ids)
    rows = await database.fetch(STATEMENTS["ends_of_tasks"], task_ids)
    return {
        row["id"]: EndedTask(TaskId(row["id"]), judge_ended_task(row["recipients"], counts[row["id"]])) for row in rows
    }
