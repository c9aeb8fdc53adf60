"""What an update may end with: its campaign goes now."""

from typing import Final, cast

from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.work import Completed, Failed, JobTools, Outcome
from shared.campaigns.look_up import find_known
from shared.domain import campaign as campaigns
from shared.domain.campaign import Campaign, State
from shared.domain.campaign_commands import ChangeCampaign
from shared.domain.campaign_needs import named_in
from shared.domain.identifiers import Instant, campaign_stream
from shared.domain.refusal import Refused
from shared.event_store.interface import Actor
from shared.event_store.read_models.campaign import CAMPAIGNS

#: What is still to be done with a campaign that is there.
_WAY: Final[dict[State, tuple[State, ...]]] = {
    "DRAFT": ("SCHEDULED", "READY"),
    "SCHEDULED": ("READY",),
    "READY": ("READY",),
}


async def schedule_campaign(tools: JobTools, job: HeldJob) -> Outcome:
    """``when`` becomes now, and it walks to READY. One that is sent already is let be. Raises DatabaseError."""
    campaign_id = job.params.get("schedule_blast")
    if campaign_id is None:
        return Completed()
    campaign = await _read(tools, campaign_id)
    for state in _WAY.get(campaign.state, ()) if campaign.exists else ():
        refused = await _move(tools, job, campaign, state)
        campaign = await _read(tools, campaign_id)
        # The service may have moved it on meanwhile.
        if refused is not None and campaign.state not in ("SENDING", "DONE"):
            words = "; ".join(f"{fault.field}: {fault.message}" for fault in refused.faults)
            return Failed(f"schedule_blast: {words}")
    if not campaign.exists or campaign.state == "ERROR":
        return Failed(f"schedule_blast: {campaign.error or 'the campaign is gone'}")
    tools.hint("campaign_due")
    return Completed()


async def _read(tools: JobTools, campaign_id: int) -> Campaign:
    history = await tools.handler.store.read_stream(campaign_stream(campaign_id))
    return campaigns.replay(cast(campaigns.Event, recorded.event) for recorded in history)


async def _move(tools: JobTools, job: HeldJob, campaign: Campaign, state: State) -> Refused | None:
    known = (await find_known(tools.database, [named_in(campaign)], dns_check=tools.dns_check))[job.account_id]
    # Whole seconds, as callers know it: it is compared with what the database makes of it.
    when = Instant(int(tools.now()))
    command = ChangeCampaign(frozenset({"state", "when"}), known, state=state, when=when)
    actor = Actor(job.account_id, job.user_id)
    done = await tools.handler.handle(CAMPAIGNS, campaign_stream(campaign.campaign_id), command, actor)
    return done if isinstance(done, Refused) else None
