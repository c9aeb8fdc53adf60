"""Makes campaigns READY when it is nearly time and all is in place; says of the others what is missing."""

import structlog

from services.dispatcher.campaigns.statements import STATEMENTS
from shared.campaigns.look_up import find_known
from shared.campaigns.rows import campaign_of
from shared.domain.campaign import READY_SECONDS, Campaign
from shared.domain.campaign_commands import Known, ReadyCampaign
from shared.domain.campaign_needs import in_words, missing_of, named_in
from shared.domain.identifiers import campaign_stream
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.campaign import CAMPAIGNS
from shared.postgres.database import Database

log = structlog.get_logger(__name__)

PAGE = 200  #: campaigns looked up together


async def ready_campaigns(database: Database, handler: Handler, *, dns_check: bool) -> int:
    """How many became READY. One that waits for what it lacks stands in nobody's way, however many there are."""
    readied, after = 0, 0
    while page := await database.fetch(STATEMENTS["waiting_campaigns"], READY_SECONDS, after, PAGE):
        after = page[-1]["id"]
        campaigns = [campaign_of(row) for row in page]
        known = await find_known(database, [named_in(each) for each in campaigns], dns_check=dns_check)
        for campaign in campaigns:
            readied += await _settle(handler, campaign, known[campaign.account_id])
    return readied


async def _settle(handler: Handler, campaign: Campaign, known: Known) -> bool:
    missing = missing_of(campaign, known)
    if campaign.when is None or (missing and in_words(missing) == campaign.error):
        return False  # said already
    command, actor = ReadyCampaign(campaign.when, known), Actor(campaign.account_id)
    done = await handler.handle(CAMPAIGNS, campaign_stream(campaign.campaign_id), command, actor)
    if not isinstance(done, Done) or not done.events:
        return False
    log.info(
        "campaign settled",
        action="campaign_settled",
        campaign_id=campaign.campaign_id,
        state=done.state.state,
        missing=[fault.field for fault in missing],
    )
    return done.state.state == "READY"
