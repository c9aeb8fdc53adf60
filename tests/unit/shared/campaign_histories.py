"""Campaigns in every state, with all that they need, as what happened to them."""

from collections.abc import Mapping

from shared.domain.campaign import (
    CampaignCompleted,
    CampaignCreated,
    CampaignDrafted,
    CampaignFailed,
    CampaignReadied,
    CampaignScheduled,
    CampaignStarted,
    Event,
    Payload,
    PayloadAdded,
    State,
)
from shared.domain.campaign_commands import EndedTask, Known, Named, PlannedTask
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

NOON = Instant(43_200.0)
LATER = Instant(NOON + 3600)
URL = "https://shop.example/events?a=1"

KNOWN = Known(
    Named(7, frozenset({5}), frozenset({2, 3}), frozenset({4, 6, 7, 9, 99}), frozenset({10, 11, 12})),
    lists=frozenset({5}),
    domains={2: True, 3: False},
    segments={4: 5, 6: 5, 7: 8, 9: None},
    messages={10: "email", 11: "sms", 12: "email"},
)
CREATED = CampaignCreated(
    campaign_id=CampaignId(1),
    account_id=AccountId(7),
    user_id=UserId(70),
    name="Spring",
    state="DRAFT",
    list_id=ListId(5),
    domain_id=DomainId(2),
    segments=(SearchId(4), SearchId(6)),
    when=LATER,
    event_callback=URL,
    at=NOON,
)
EMAIL, TEXT = Payload(PayloadId(1), "email", MessageId(10)), Payload(PayloadId(2), "sms", MessageId(11))
ADDED = [PayloadAdded(each.payload_id, each.channel, each.message_id) for each in (EMAIL, TEXT)]
PLANNED = (PlannedTask(TaskId(20), EMAIL, 100), PlannedTask(TaskId(21), TEXT, 90))
ENDED = (EndedTask(TaskId(20), None), EndedTask(TaskId(21), None))

DRAFTED, READIED = CampaignDrafted(NOON), CampaignReadied(NOON)
SCHEDULED, HELD_BACK = CampaignScheduled(False, NOON), CampaignScheduled(True, NOON)
STARTED, COMPLETED = CampaignStarted((TaskId(20), TaskId(21)), NOON), CampaignCompleted(NOON)

_DRAFT: list[Event] = [CREATED, *ADDED]
_SENDING: list[Event] = [*_DRAFT, SCHEDULED, READIED, STARTED]
IN: Mapping[State, list[Event]] = {
    "DRAFT": _DRAFT,
    "SCHEDULED": [*_DRAFT, SCHEDULED],
    "READY": [*_DRAFT, SCHEDULED, READIED],
    "SENDING": _SENDING,
    "DONE": [*_SENDING, COMPLETED],
    "ERROR": [*_SENDING, CampaignFailed("every task failed", NOON)],
}
