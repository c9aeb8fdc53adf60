"""Tasks, as requests and answers spell them."""

from typing import Annotated, Literal, NotRequired

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from services.api.fields import (
    Count,
    Cursor,
    Flag,
    Id,
    IdOrNull,
    Moment,
    MomentOrNull,
    Name,
    Rate,
    RequestModel,
    Sought,
    empty_is_null,
)
from services.api.paging import DEFAULT_COUNT
from services.api.resources.task.window import CheckedWindow, WindowAnswer
from shared.domain.identifiers import Channel
from shared.domain.recipient_states import State
from shared.domain.refusal import Fault
from shared.domain.task import InDoubtPolicy

Sort = Literal[
    "id", "-id", "name", "-name", "scheduledtime", "-scheduledtime", "endtime", "-endtime", "cdate", "-cdate"
]
EventName = Literal["submitted", "delivered", "bounced", "opened", "clicked", "unsubscribed", "complained"]
InDoubt = Literal["held", "resent"]
WindowOrNull = Annotated[CheckedWindow | None, BeforeValidator(empty_is_null)]


class NewTask(RequestModel):
    channel: Channel
    list_id: IdOrNull = None
    message_id: Id
    name: Name
    rate: Rate = None
    scheduledtime: Moment
    search_id: IdOrNull = None
    in_doubt: InDoubtPolicy = "resend"
    expires: MomentOrNull = None
    send_window: WindowOrNull = None

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if (given.get("list_id") in (None, "")) == (given.get("search_id") in (None, "")):
            return [Fault("list_id", "exactly one of list_id and search_id must be given")]
        return []


class TaskChange(RequestModel):
    """What is given changes; ``id`` is needed where the path has none. ``paused``, ``expires`` and ``send_window`` may
    change until the task's end.
    """

    id: Id | None = None
    cancelled: Flag = False
    list_id: IdOrNull = None
    name: Name = Field(default_factory=str)
    paused: Flag = False
    scheduledtime: Moment = Field(default_factory=float)
    search_id: IdOrNull = None
    expires: MomentOrNull = None
    send_window: WindowOrNull = None


class TaskQuery(RequestModel):
    id: Id | None = None
    cancelled: Flag | None = None
    channel: Channel | None = None
    completed: Flag | None = None
    list_id: IdOrNull = None
    message_id: Id | None = None
    name: Sought | None = None
    sort: Sort = "id"
    count: Count = DEFAULT_COUNT
    start: Cursor | None = None


class TaskAnswer(TypedDict):
    """Counts of the other channel are null. ``recipients``: the frozen audience, null until it is.

    ``paused_reason``: why the service itself paused it, null where a person did. ``blocked_reason``: why nothing gets
    through to the relay, null while something does. ``expires``: whoever is left by then ends cancelled.
    ``send_window``: outside of it nothing is sent. ``campaign_id``: null where it is of no campaign; of one, it goes to
    the union of ``segments``, or to all of the list where there are none.
    """

    id: int
    cancelled: bool
    channel: Channel
    completed: bool
    emailuniquebounces: int | None
    emailuniqueclicks: int | None
    emailuniqueopens: int | None
    emailuniqueunsubscriptions: int | None
    emailuniquecomplaints: int | None
    endtime: float | None
    list_id: int | None
    message_id: int
    name: str
    rate: int | None
    scheduledtime: float
    search_id: int | None
    size: int
    smsuniquebounces: int | None
    splittest_id: int | None
    cdate: float
    started: bool
    recipients: int | None
    in_doubt: InDoubtPolicy
    user_id: int
    paused: bool
    paused_reason: str | None
    blocked_reason: str | None
    expires: float | None
    send_window: WindowAnswer | None
    campaign_id: int | None
    segments: list[int]


class ContactQuery(RequestModel):
    """Without ``count``: all of them."""

    state: State | None = None
    event: EventName | None = None
    in_doubt: InDoubt | None = None
    count: Annotated[Id, Field(le=1_000_000)] | None = None
    start: Cursor | None = None


class ContactAnswer(TypedDict):
    """Times are decimal unix seconds, of the first time it happened. The address is null of whoever was erased."""

    ordinal: int
    subscriber_id: int
    email: NotRequired[str | None]
    telephone: NotRequired[str | None]
    state: State
    reason: str | None
    in_doubt: InDoubt | None
    submitted: float | None
    delivered: float | None
    bounced: float | None
    opened: float | None
    clicked: float | None
    unsubscribed: float | None
    complained: float | None


class LinkAnswer(TypedDict):
    url: str
    unique: int
    total: int


class InDoubtAnswer(TypedDict):
    held: int
    resent: int


class MachineAnswer(TypedDict):
    """Of those in ``unique``: whose events of that kind all look like a machine's."""

    opened: int
    clicked: int


class ReportAnswer(TypedDict):
    """audience = sum of states = size + joined - sum of excluded. ``joined`` is null until the audience is frozen.

    Both are null of a task to a search or to segments: it asks anew when it starts.

    ``series``: hits of each event by minute; ``minute`` is the unix time of its first second.
    """

    task_id: int
    size: int
    audience: int
    states: dict[State, int]
    excluded: dict[str, int] | None
    joined: int | None
    unique: dict[EventName, int]
    total: dict[EventName, int]
    machine: MachineAnswer
    in_doubt: InDoubtAnswer
    links: list[LinkAnswer]
    series: list[dict[str, int]]
