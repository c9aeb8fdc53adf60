"""One of each event of a campaign, and the beginning of its task; every optional field has a value of its own kind."""

from collections.abc import Sequence

from shared.domain import campaign, task
from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    DomainId,
    Instant,
    ListId,
    MessageId,
    PayloadId,
    SearchId,
    TaskId,
    UserId,
)

NOON = Instant(43_200.25)

CAMPAIGN_EVENTS: Sequence[object] = (
    campaign.CampaignCreated(
        CampaignId(3),
        AccountId(7),
        UserId(70),
        "Köln ✉",
        "SCHEDULED",
        ListId(5),
        DomainId(2),
        (SearchId(4), SearchId(6)),
        NOON,
        "https://a.example/?x=1",
        NOON,
    ),
    campaign.CampaignChanged("Spring", None, (), None),
    campaign.CallbackChanged(None),
    campaign.PayloadAdded(PayloadId(1), "sms", MessageId(3)),
    campaign.PayloadChanged(PayloadId(1), "email", MessageId(4)),
    campaign.PayloadRemoved(PayloadId(1)),
    campaign.CampaignDrafted(NOON),
    campaign.CampaignScheduled(True, NOON),
    campaign.CampaignReadied(NOON),
    campaign.CampaignDelayed("domain: is not named", NOON),
    campaign.CampaignStarted((TaskId(9), TaskId(10)), NOON),
    campaign.CampaignCompleted(NOON),
    campaign.CampaignFailed("list: there is no list 5", NOON),
    campaign.CampaignRemoved(NOON),
    task.TaskCreated(
        TaskId(9),
        AccountId(7),
        UserId(70),
        "email",
        "Spring task",
        MessageId(3),
        ListId(5),
        None,
        None,
        "hold",
        NOON,
        2**40,
        NOON,
        campaign_id=CampaignId(3),
        segments=(SearchId(4), SearchId(6)),
    ),
)
