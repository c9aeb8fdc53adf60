"""An SMS that somebody sent to a number of ours, as an event: ids only, what it says is in a row that expires."""

from dataclasses import dataclass

from shared.domain.identifiers import Instant


@dataclass(frozen=True, slots=True)
class SmsReceived:
    """``subscriber_id``: who had the number when it came; None: nobody known. A stream of its own."""

    sms_id: int
    subscriber_id: int | None
    at: Instant
