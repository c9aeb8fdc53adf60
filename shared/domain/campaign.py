"""One campaign: payloads to one list at one time. What happens to it, and what it then is.

``campaign_commands`` are what may be wanted of it, ``decide_campaign.decide`` says what follows, ``evolve`` what an
event changes.

    DRAFT <--> SCHEDULED <--> READY --CampaignStarted--> SENDING --CampaignCompleted--> DONE
                                                            |------CampaignFailed-----> ERROR

The arrows to and fro are the client's. The service itself goes from SCHEDULED to READY when it is nearly time and all
is in place, and every way from READY on. Starting makes one task a payload, in the transaction of the event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Final, Literal, assert_never

from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    Channel,
    DomainId,
    Instant,
    ListId,
    MessageId,
    PayloadId,
    SearchId,
    TaskId,
    UserId,
)

State = Literal["DRAFT", "SCHEDULED", "READY", "SENDING", "DONE", "ERROR"]

#: Where a client may move a campaign.
CLIENT_MOVES: Final[Mapping[State, frozenset[State]]] = {
    "DRAFT": frozenset({"SCHEDULED"}),
    "SCHEDULED": frozenset({"DRAFT", "READY"}),
    "READY": frozenset({"SCHEDULED"}),
}
EDITABLE: Final = frozenset(CLIENT_MOVES)  #: until sending starts

READY_SECONDS: Final = 60.0  #: how long before its time the service makes a campaign READY


@dataclass(frozen=True, slots=True)
class Payload:
    """What is sent by one channel."""

    payload_id: PayloadId
    channel: Channel
    message_id: MessageId


# What happened: stored for ever, so a field is only ever added.


@dataclass(frozen=True, slots=True)
class CampaignCreated:
    campaign_id: CampaignId
    account_id: AccountId
    user_id: UserId
    name: str
    state: State
    list_id: ListId
    domain_id: DomainId | None
    segments: tuple[SearchId, ...]
    when: Instant | None
    event_callback: str | None
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignChanged:
    """The values after the change, of what may change until sending starts."""

    name: str
    domain_id: DomainId | None
    segments: tuple[SearchId, ...]
    when: Instant | None


@dataclass(frozen=True, slots=True)
class CallbackChanged:
    """In whatever state."""

    event_callback: str | None


@dataclass(frozen=True, slots=True)
class PayloadAdded:
    payload_id: PayloadId
    channel: Channel
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class PayloadChanged:
    payload_id: PayloadId
    channel: Channel
    message_id: MessageId


@dataclass(frozen=True, slots=True)
class PayloadRemoved:
    payload_id: PayloadId


@dataclass(frozen=True, slots=True)
class CampaignDrafted:
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignScheduled:
    """``held_back``: taken back from READY, so the service leaves it where it is."""

    held_back: bool
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignReadied:
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignDelayed:
    """It is time, and something is missing: it stays SCHEDULED."""

    error: str
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """``tasks``: in the order of the payloads; none where it cannot be sent."""

    tasks: tuple[TaskId, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignCompleted:
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignFailed:
    error: str
    at: Instant


@dataclass(frozen=True, slots=True)
class CampaignRemoved:
    at: Instant


Move = CampaignDrafted | CampaignScheduled | CampaignReadied | CampaignStarted | CampaignCompleted | CampaignFailed
Event = (
    CampaignCreated
    | CampaignChanged
    | CallbackChanged
    | PayloadAdded
    | PayloadChanged
    | PayloadRemoved
    | CampaignDelayed
    | CampaignRemoved
    | Move
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """``error``: what is missing though it is time, or why it ended in ERROR."""

    campaign_id: CampaignId = CampaignId(0)
    account_id: AccountId = AccountId(0)
    user_id: UserId = UserId(0)
    name: str = ""
    state: State = "DRAFT"
    list_id: ListId = ListId(0)
    domain_id: DomainId | None = None
    segments: tuple[SearchId, ...] = ()
    when: Instant | None = None
    event_callback: str | None = None
    payloads: tuple[Payload, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    held_back: bool = False
    error: str | None = None
    cdate: Instant = Instant(0.0)
    removed: bool = False

    @property
    def exists(self) -> bool:
        return bool(self.campaign_id) and not self.removed

    @property
    def editable(self) -> bool:
        return self.state in EDITABLE

    def payload(self, payload_id: int) -> Payload | None:
        return next((each for each in self.payloads if each.payload_id == payload_id), None)


def evolve(campaign: Campaign, event: Event) -> Campaign:
    match event:
        case CampaignCreated():
            given = {each.name: getattr(event, each.name) for each in fields(event) if each.name != "at"}
            return Campaign(cdate=event.at, **given)
        case CampaignChanged(name, domain_id, segments, when):
            # Another time is a new start: nobody holds it back, and what was missing is asked anew.
            anew = campaign if when == campaign.when else replace(campaign, held_back=False, error=None)
            return replace(anew, name=name, domain_id=domain_id, segments=segments, when=when)
        case CallbackChanged(event_callback):
            return replace(campaign, event_callback=event_callback)
        case PayloadAdded() | PayloadChanged() | PayloadRemoved():
            return replace(campaign, payloads=_payloads_after(campaign.payloads, event))
        case CampaignDelayed(error):
            return replace(campaign, error=error)
        case CampaignRemoved():
            return replace(campaign, removed=True)
        case _:
            return _moved(campaign, event)


def _moved(campaign: Campaign, event: Move) -> Campaign:
    match event:
        case CampaignDrafted():
            return replace(campaign, state="DRAFT", held_back=False, error=None)
        case CampaignScheduled(held_back):
            return replace(campaign, state="SCHEDULED", held_back=held_back, error=None)
        case CampaignReadied():
            return replace(campaign, state="READY", held_back=False, error=None)
        case CampaignStarted(tasks):
            return replace(campaign, state="SENDING", tasks=tasks)
        case CampaignCompleted():
            return replace(campaign, state="DONE")
        case CampaignFailed(error):
            return replace(campaign, state="ERROR", error=error)
        case _:
            assert_never(event)


def _payloads_after(
    payloads: tuple[Payload, ...], event: PayloadAdded | PayloadChanged | PayloadRemoved
) -> tuple[Payload, ...]:
    match event:
        case PayloadAdded(payload_id, channel, message_id):
            return (*payloads, Payload(payload_id, channel, message_id))
        case PayloadChanged(payload_id, channel, message_id):
            changed = Payload(payload_id, channel, message_id)
            return tuple(changed if each.payload_id == payload_id else each for each in payloads)
        case PayloadRemoved(payload_id):
            return tuple(each for each in payloads if each.payload_id != payload_id)
        case _:
            assert_never(event)


def replay(history: Iterable[Event]) -> Campaign:
    return reduce(evolve, history, Campaign())
