"""An operation: one method on one path, as data. Routes, validation and the published description are made from it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from services.api.authenticate import Caller
from services.api.body import Body
from services.api.fields import NoQuery, RequestModel
from services.api.in_turn import InTurn
from services.api.look_together import LookTogether
from shared.bus.interface import Hint
from shared.bus.interface import Role as ServiceRole
from shared.domain.account import Role
from shared.domain.dns_records import DomainTerms
from shared.domain.identifiers import Instant
from shared.domain.refusal import Refused
from shared.domain.tokens import TokenKeys
from shared.egress.client import EgressClient
from shared.event_store.handle_command import Handler
from shared.event_store.interface import EventStore, Write
from shared.object_store.interface import ObjectStore
from shared.postgres.database import Database
from shared.postgres.ids import Ids

Method = Literal["GET", "POST", "PUT", "DELETE"]

EVERYBODY: Final[frozenset[Role]] = frozenset({"operator", "admin", "member", "reader"})
WRITERS: Final = EVERYBODY - {"reader"}
OPERATORS: Final[frozenset[Role]] = frozenset({"operator"})
ADMINS: Final[frozenset[Role]] = frozenset({"operator", "admin"})

MEBIBYTE: Final = 1_048_576

Query = TypeVar("Query", bound=RequestModel)
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Answer:
    """A success. ``body``: bytes as they are, anything else as JSON."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    about: tuple[int, ...] = ()  #: subscribers whose address it may tell: where it is kept, it goes with them


@dataclass(frozen=True, slots=True)
class Stream:
    """A success of any length, made piece by piece."""

    pieces: AsyncIterator[bytes]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Hinting(Protocol):
    """Says where to look, without waiting and without failing."""

    def send(self, role: ServiceRole, hint: Hint) -> None: ...


@dataclass(frozen=True, slots=True)
class Api:
    """What handlers work with."""

    database: Database
    store: EventStore
    commands: Handler
    ids: Ids
    hints: Hinting
    in_turn: InTurn
    looks: LookTogether
    now: Callable[[], Instant]
    random_id: Callable[[], int]
    secret: tuple[bytes, ...]  #: seals what is secret in rows
    tokens: TokenKeys  #: sign what leads back to us
    tracker_url: str  #: where that is
    bounce_domain: str
    forget_key: Callable[[str], None]  #: prefix: the key is revoked, and refused from now on
    terms: DomainTerms
    look_at_dns: Callable[[], None]  #: rung when a domain wants to be looked up
    objects: ObjectStore  #: the files of jobs
    egress: EgressClient  #: says which URLs are taken


@dataclass(frozen=True, slots=True)
class Call(Generic[Query, Content]):
    """One request, read and validated. ``ids`` are those of the path, in its order."""

    caller: Caller
    ids: tuple[int, ...]
    query: Query
    content: Content
    target: str  #: path and query string as they came, for the link to the next page
    accept: str
    remember: Callable[
        [Answer], tuple[Write, ...]
    ]  #: the row that lets a repeat have this answer again, if it asked for one


@dataclass(frozen=True, slots=True)
class Operation(Generic[Query, Content]):
    method: Method
    path: str
    summary: str
    handler: Callable[[Api, Call[Query, Content]], Awaitable[Answer | Stream | Refused]]
    answer: Any  #: the type of a successful body
    query: type[Query] = NoQuery  # type: ignore[assignment]  # the default of a type variable comes with Python 3.13
    body: Body[Content] | None = None
    status: int = 200
    also_answers: Mapping[int, Any] = field(default_factory=dict)  #: further successes, by status
    refusals: tuple[int, ...] = ()  #: beside 400, 401, 403 and 503, which all may answer
    roles: frozenset[Role] = EVERYBODY
    limit: int = MEBIBYTE  #: bytes of body
    media: Sequence[str] = ("application/json",)  #: of the answer, by Accept; the first is the default
    public: bool = False  #: answers without a key
    refusal: Any = None  #: the type of every other body; None: a problem document
    security: Sequence[str] = ("bearer", "basic")
    example: Mapping[str, Any] = field(default_factory=dict)  #: a request, where its schema cannot say what makes one
