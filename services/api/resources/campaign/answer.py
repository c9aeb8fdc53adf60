"""A campaign as the API shows it. Pure."""

from services.api.moments import moment
from services.api.resources.campaign.schema import CampaignAnswer, PayloadAnswer
from shared.domain.campaign import Campaign, Payload
from shared.sealed_urls import masked


def campaign_answer(campaign: Campaign) -> CampaignAnswer:
    return CampaignAnswer(
        id=campaign.campaign_id,
        name=campaign.name,
        domain=campaign.domain_id,
        list=campaign.list_id,
        segments=list(campaign.segments),
        state=campaign.state,
        when=None if campaign.when is None else int(campaign.when),
        event_callback=None if campaign.event_callback is None else masked(campaign.event_callback),
        payloads=[payload_answer(each) for each in campaign.payloads],
        tasks=list(campaign.tasks),
        cdate=moment(campaign.cdate),
        error=campaign.error,
    )


def payload_answer(payload: Payload) -> PayloadAnswer:
    return PayloadAnswer(id=payload.payload_id, channel=payload.channel, message_id=payload.message_id)
