"""What a receipt says became of an SMS, whichever way the gateway tells it. Pure."""

from typing import Final, Literal, get_args

from shared.domain.delivery import Kind
from shared.domain.sms_content import keepable

ReceiptStatus = Literal["accepted", "delivered", "failed", "rejected", "undeliverable", "expired", "unknown"]
STATUSES: Final[tuple[ReceiptStatus, ...]] = get_args(ReceiptStatus)


def kind_of(status: ReceiptStatus) -> Kind | None:
    """None: it says no more than the gateway's answer did. Of the others all but one mean that nobody got it."""
    if status == "accepted":
        return None
    return Kind.DELIVERED if status == "delivered" else Kind.BOUNCED


def note_of(status: ReceiptStatus, reason: str) -> str:
    """Why it bounced, as the log keeps it; empty when it did not."""
    if kind_of(status) is not Kind.BOUNCED:
        return ""
    told = keepable(reason)
    return f"receipt {status}: {told}" if told else f"receipt {status}"
