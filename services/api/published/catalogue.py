"""Every event that others hear, by routing key: the type of its data, of which schemas and documents are made. Pure.

What is published is promised for ever: a field may be added (with a default), none may go or mean less than before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Final

from typing_extensions import TypedDict

from shared.domain.delivery import EVENTS, Kind
from shared.domain.inbound_sms import SmsReceived
from shared.event_store.codec import BY_NAME

VERSION: Final = "v1"  #: of the schemas; another one only when an event must change its meaning

#: The aggregates whose events are for others to hear; the first word of an event's name.
PUBLISHED: Final = frozenset({"task", "campaign", "job", "sms", "splittest"})

MOST_RECIPIENTS: Final = 1_000  #: in one message


#: An SMS that somebody sent to a number of ours; ``from`` is a keyword of Python, hence this form.
ReceivedSms = TypedDict(
    "ReceivedSms",
    {
        "id": int,
        "subscriber_id": int | None,
        "from": str | None,
        "to": str | None,
        "text": str | None,
        "time": float,
    },
)
_OF_SMS: Final = "An SMS that somebody sent to a number of ours. from, to and text are null once they are forgotten."


class Recipient(TypedDict):
    """``subscriber_id`` is null where the contact records of the task are gone, ``external_id`` where there is none.
    ``time``: when it happened, decimal unix seconds.
    """

    ordinal: int
    subscriber_id: int | None
    external_id: str | None
    time: float


class DeliveryBatch(TypedDict):
    """What became of up to 1,000 recipients of one task. Somebody who opens twice is named twice."""

    task_id: int
    event: str
    recipients: list[Recipient]


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """``kind``: the type of the data; ``led_by``: the field that says whose stream it is, None where there is none."""

    name: str  #: the routing key
    kind: Any
    meaning: str
    led_by: str | None = None
    delivery: Kind | None = None


def is_published(name: str) -> bool:
    """Of an event of the store."""
    return name.partition(".")[0] in PUBLISHED


def event_name(kind: Kind) -> str:
    """As the contract names what became of a recipient: ``opened``."""
    return kind.name.lower()


def _of_store(name: str, kind: type[Any]) -> PublishedEvent:
    if kind is SmsReceived:
        return PublishedEvent(name, ReceivedSms, _OF_SMS)
    written = cleandoc(kind.__doc__ or "")
    # A dataclass without words of its own has its signature for a docstring.
    meaning = "" if written.startswith(f"{kind.__name__}(") else written
    return PublishedEvent(name, kind, meaning, f"{name.partition('.')[0]}_id")


def _of_delivery(kind: Kind) -> PublishedEvent:
    meaning = cleandoc(DeliveryBatch.__doc__ or "")
    return PublishedEvent(f"delivery.{event_name(kind)}", DeliveryBatch, meaning, delivery=kind)


CATALOGUE: Final[Mapping[str, PublishedEvent]] = {
    event.name: event
    for event in (
        *(_of_store(name, kind) for name, kind in sorted(BY_NAME.items()) if is_published(name)),
        *map(_of_delivery, EVENTS),
    )
}
