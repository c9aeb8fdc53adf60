"""What may be wanted of a campaign, with what was looked up for it: by a client, or by the service itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.campaign import Payload, State
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


@dataclass(frozen=True, slots=True)
class Named:
    """Ids that a campaign of an account names, or somebody who wants to change it."""

    account_id: int = 0
    lists: frozenset[int] = frozenset()
    domains: frozenset[int] = frozenset()
    segments: frozenset[int] = frozenset()
    messages: frozenset[int] = frozenset()

    def __or__(self, other: "Named") -> "Named":
        return Named(
            self.account_id,
            self.lists | other.lists,
            self.domains | other.domains,
            self.segments | other.segments,
            self.messages | other.messages,
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What there is, in the account, of all that was asked for: looked up before it is decided."""

    asked: Named = Named()
    lists: frozenset[int] = frozenset()
    domains: Mapping[int, bool] = field(default_factory=dict)  #: whether bounces come to it, as far as DNS shows
    segments: Mapping[int, int | None] = field(default_factory=dict)  #: the list each search is bound to
    messages: Mapping[int, Channel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreateCampaign:
    """``callback_fault``: why the URL is refused; empty: it is not."""

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
    callback_fault: str
    known: Known


@dataclass(frozen=True, slots=True)
class ChangeCampaign:
    """A PUT: only what is named in ``fields`` is wanted. ``known``: of the campaign after the change."""

    fields: frozenset[str]
    known: Known
    name: str = ""
    state: State = "DRAFT"
    list_id: ListId = ListId(0)
    domain_id: DomainId | None = None
    segments: tuple[SearchId, ...] = ()
    when: Instant | None = None
    event_callback: str | None = None
    callback_fault: str = ""


@dataclass(frozen=True, slots=True)
class AddPayload:
    """``message_fault``: why the message cannot be sent though it is there; empty: it can."""

    payload: Payload
    known: Known
    message_fault: str = ""


@dataclass(frozen=True, slots=True)
class ChangePayload:
    """None: as it is."""

    payload_id: PayloadId
    channel: Channel | None
    message_id: MessageId | None
    known: Known
    message_fault: str = ""


@dataclass(frozen=True, slots=True)
class RemovePayload:
    payload_id: PayloadId


@dataclass(frozen=True, slots=True)
class RemoveCampaign:
    pass


@dataclass(frozen=True, slots=True)
class ReadyCampaign:
    """The service's wish, from a minute before its time. ``when``: the time that was found to be near."""

    when: Instant
    known: Known


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """``size``: to how many it would go now."""

    task_id: TaskId
    payload: Payload
    size: int


@dataclass(frozen=True, slots=True)
class StartCampaign:
    """The service's wish, at its time. ``tasks``: one a payload, to the union of ``segments`` as they were found."""

    when: Instant
    known: Known
    segments: tuple[SearchId, ...]
    tasks: tuple[PlannedTask, ...]


@dataclass(frozen=True, slots=True)
class EndedTask:
    """``failure``: why it reached nobody; None: it reached somebody, or there was nobody to reach."""

    task_id: TaskId
    failure: str | None


@dataclass(frozen=True, slots=True)
class EndCampaign:
    """The service's wish, once all tasks have come to their end."""

    tasks: tuple[EndedTask, ...]


Command = (
    CreateCampaign
    | ChangeCampaign
    | AddPayload
    | ChangePayload
    | RemovePayload
    | RemoveCampaign
    | ReadyCampaign
    | StartCampaign
    | EndCampaign
)
