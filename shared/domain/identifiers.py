"""The names of things: ids, stream names, shards. Pure; no id is made here."""

from typing import Literal, NewType

AccountId = NewType("AccountId", int)
UserId = NewType("UserId", int)
KeyId = NewType("KeyId", int)
ListId = NewType("ListId", int)
SubscriberId = NewType("SubscriberId", int)
MessageId = NewType("MessageId", int)
SearchId = NewType("SearchId", int)
TaskId = NewType("TaskId", int)
DomainId = NewType("DomainId", int)
SplitTestId = NewType("SplitTestId", int)
CampaignId = NewType("CampaignId", int)
PayloadId = NewType("PayloadId", int)
BookingId = NewType("BookingId", int)
Ordinal = NewType("Ordinal", int)  #: a recipient's number in the frozen audience of one task, 0..n-1
Shard = NewType("Shard", int)
Instant = NewType("Instant", float)  #: unix seconds, UTC

Channel = Literal["email", "sms"]

INT63_MAX = 2**63 - 1
SHARDS = 64
CHUNK = 65_536  #: ordinals in one chunk of a set: one roaring container

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: neighbouring ids fall far apart


def shard_of(task_id: int) -> Shard:
    """The shard whose reader projects this task: 0..63, spread evenly over consecutive ids."""
    return Shard(((task_id * _GOLDEN) & 0xFFFF_FFFF_FFFF_FFFF) >> 58)


def account_stream(account_id: int) -> str:
    return f"account-{account_id}"


def ledger_stream(account_id: int) -> str:
    """What an account may send and was charged, beside who belongs to it."""
    return f"ledger-{account_id}"


def list_stream(list_id: int) -> str:
    return f"list-{list_id}"


def subscribers_stream(change: str) -> str:
    """A stream of one event: a command or chunk that changed subscribers. ``change`` is unique to it."""
    return f"subscribers-{change}"


def suppressions_stream(change: str) -> str:
    """A stream of one event: a command or chunk that suppressed addresses, or lifted that. ``change`` as above."""
    return f"suppressions-{change}"


def message_stream(message_id: int) -> str:
    return f"message-{message_id}"


def search_stream(search_id: int) -> str:
    return f"search-{search_id}"


def task_stream(task_id: int) -> str:
    return f"task-{task_id}"


def splittest_stream(splittest_id: int) -> str:
    return f"splittest-{splittest_id}"


def campaign_stream(campaign_id: int) -> str:
    return f"campaign-{campaign_id}"


def domain_stream(domain_id: int) -> str:
    return f"domain-{domain_id}"


def booking_stream(booking_id: int) -> str:
    return f"booking-{booking_id}"


def job_stream(number: int) -> str:
    return f"job-{number}"


def sms_stream(inbound_sms_id: int) -> str:
    """A stream of one event: an SMS that somebody sent to us."""
    return f"sms-{inbound_sms_id}"
