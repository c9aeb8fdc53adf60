"""A campaign as its row says it."""

from shared.domain.campaign import Campaign, Payload
from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    Instant,
    ListId,
    MessageId,
    PayloadId,
    SearchId,
    TaskId,
    UserId,
)
from shared.postgres.database import Row


def campaign_of(row: Row) -> Campaign:
    """``row``: of one that is not removed, times as unix seconds."""
    return Campaign(
        campaign_id=CampaignId(row["id"]),
        account_id=AccountId(row["account_id"]),
        user_id=UserId(row["user_id"]),
        name=row["name"],
        state=row["state"],
        list_id=ListId(row["list_id"]),
        domain_id=row["domain_id"],
        segments=tuple(SearchId(each) for each in row["segments"]),
        when=None if row["scheduled_at"] is None else Instant(row["scheduled_at"]),
        event_callback=row["event_callback"],
        payloads=tuple(
            Payload(PayloadId(each["id"]), each["channel"], MessageId(each["message_id"])) for each in row["payloads"]
        ),
        tasks=tuple(TaskId(each) for each in row["tasks"]),
        held_back=row["held_back"],
        error=row["error"],
        cdate=Instant(row["cdate"]),
    )
