"""What can become of recipients, as kinds of segments: the vocabulary of the delivery log.

The first seven are the contract's events; the others are what Postroom itself knows about an attempt. The numbers are
stored for ever and never reused.
"""

from enum import IntEnum
from typing import Final


class Kind(IntEnum):
    SUBMITTED = 1  #: the relay took it (250 to the final dot)
    DELIVERED = 2
    BOUNCED = 3  #: permanent: a 5xx for the recipient, or a failed DSN
    OPENED = 4
    CLICKED = 5
    UNSUBSCRIBED = 6
    COMPLAINED = 7
    DEFERRED = 8  #: temporary refusal; another attempt follows
    SUPPRESSED = 9  #: not handed over: unsubscribed, opted out or suppressed by then
    UNCHARGED = 10
    CANCELLED = 11
    FAILED = 12  #: the retries are exhausted
    HELD = 13  #: in doubt and not sent again
    RESENT = 14  #: was in doubt, is sent once more


class Derived(IntEnum):
    """Sets that the projection keeps beside those of the kinds; no segment has such a number. From 64 on."""

    HUMAN_OPENED = 64  #: has an opening that does not look like a machine's
    HUMAN_CLICKED = 65  #: has a click that does not look like a machine's by itself; by visit, see visits.py
    BURST = 66  #: fetched link after link; by visit
    HARD_BOUNCED = 68  #: bounced for good: there is no such mailbox


#: The contract's events, in the order in which one recipient can have them.
EVENTS: Final = (
    Kind.SUBMITTED,
    Kind.DELIVERED,
    Kind.BOUNCED,
    Kind.OPENED,
    Kind.CLICKED,
    Kind.UNSUBSCRIBED,
    Kind.COMPLAINED,
)

#: Whoever is in one of these has a final state; a task is completed when the union of them is its audience.
FINAL: Final = (
    Kind.SUBMITTED,
    Kind.BOUNCED,
    Kind.FAILED,
    Kind.UNCHARGED,
    Kind.SUPPRESSED,
    Kind.CANCELLED,
    Kind.HELD,
)
