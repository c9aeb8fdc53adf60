"""Starts the campaigns whose time has come: one task a payload, in the transaction in which the campaign is SENDING.

Any number of dispatchers may try, and may die while they do: the version of the campaign decides, so its tasks are
there together with its start, once, or not at all.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from services.dispatcher.campaigns.statements import STATEMENTS
from shared.audience.audience import Audience
from shared.audience.count import class_of_message, count_mailable_of_any, open_audience
from shared.campaigns.look_up import find_known
from shared.campaigns.rows import campaign_of
from shared.domain.campaign import Campaign, Event
from shared.domain.campaign_commands import Known, PlannedTask, StartCampaign
from shared.domain.campaign_needs import missing_of, named_in
from shared.domain.identifiers import Instant, TaskId, campaign_stream, task_stream
from shared.domain.read_subscriber_query import BadQuery
from shared.domain.subscriber_query import Query
from shared.domain.task import CreateTask
from shared.event_store.handle_command import Consequence, Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.campaign import CAMPAIGNS
from shared.event_store.read_models.task import TASKS
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from shared.runtime import crash_points, tracing

log = structlog.get_logger(__name__)

DUE_AT_ONCE = 50  #: campaigns looked at in one round


async def start_campaigns(database: Database, handler: Handler, ids: Ids, *, dns_check: bool) -> int:
    """How many came out of READY."""
    rows = await database.fetch(STATEMENTS["due_campaigns"], DUE_AT_ONCE)
    due, asked = [campaign_of(row) for row in rows], {row["id"]: row["correlation"] for row in rows}
    known = await find_known(database, [named_in(each) for each in due], dns_check=dns_check) if due else {}
    if rows:  # who found them due says what time it is: by another clock their tasks might be due later
        handler = _at(handler, Instant(rows[0]["asked_at"]))
    moved = 0
    for campaign in due:
        try:
            with tracing.joined(asked[campaign.campaign_id]), tracing.span("start campaign"):
                moved += await _start(database, handler, ids, campaign, known[campaign.account_id])
        except BadQuery as error:  # of a later version: it waits for one that can read it, and stops nobody else
            reason = {"campaign_id": campaign.campaign_id, "reason": str(error)}
            log.error("segment not read", action="segment_not_read", **reason)
    return moved


def _at(handler: Handler, moment: Instant) -> Handler:
    return replace(handler, now=lambda: moment)


async def _start(database: Database, handler: Handler, ids: Ids, campaign: Campaign, known: Known) -> bool:
    tasks = () if missing_of(campaign, known) else await _plan_tasks(database, ids, campaign, handler.now())
    crash_points.reached("campaign.planned")
    new = {task.task_id: _new_task(campaign, task) for task in tasks}

    def make_tasks(state: Campaign, _: Sequence[Event]) -> list[Consequence]:
        return [Consequence(TASKS, task_stream(task_id), new[task_id]) for task_id in state.tasks]

    command = StartCampaign(_when(campaign), known, campaign.segments, tasks)
    stream, actor = campaign_stream(campaign.campaign_id), Actor(campaign.account_id)
    done = await handler.handle(CAMPAIGNS, stream, command, actor, then=make_tasks)
    if not isinstance(done, Done) or not done.events:
        return False
    told = {"campaign_id": campaign.campaign_id, "state": done.state.state, "tasks": list(done.state.tasks)}
    log.info("campaign started", action="campaign_started", **told)
    return True


def _when(campaign: Campaign) -> Instant:
    if campaign.when is None:
        raise ValueError(f"campaign {campaign.campaign_id} is READY for no time")
    return campaign.when


async def _plan_tasks(database: Database, ids: Ids, campaign: Campaign, now: Instant) -> tuple[PlannedTask, ...]:
    audiences = await _audiences(database, campaign, now)
    planned = []
    for payload in campaign.payloads:
        of_class = await class_of_message(database, campaign.account_id, payload.message_id) or "marketing"
        size = await count_mailable_of_any(database, campaign.account_id, audiences, payload.channel, of_class)
        planned.append(PlannedTask(TaskId(await ids.next("task_id")), payload, size))
    return tuple(planned)


async def _audiences(database: Database, campaign: Campaign, now: Instant) -> list[Audience]:
    """Of each segment; of the whole list where there is none."""
    if not campaign.segments:
        return [Audience(campaign.list_id, Query(), {}, now)]
    rows = await database.fetch(STATEMENTS["segments_of"], campaign.account_id, list(campaign.segments))
    return [await open_audience(database, campaign.account_id, campaign.list_id, row["query"], now) for row in rows]


def _new_task(campaign: Campaign, task: PlannedTask) -> CreateTask:
    return CreateTask(
        task_id=task.task_id,
        account_id=campaign.account_id,
        user_id=campaign.user_id,
        channel=task.payload.channel,
        name=campaign.name,
        message_id=task.payload.message_id,
        message_channel=task.payload.channel,
        list_id=campaign.list_id,
        search_id=None,
        target_known=True,
        rate=None,
        in_doubt="resend",
        scheduledtime=_when(campaign),
        size=task.size,
        campaign_id=campaign.campaign_id,
        segments=campaign.segments,
    )
