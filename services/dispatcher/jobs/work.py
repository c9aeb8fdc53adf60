"""How a type of job does its work: the interface that each type fills.

A type is two entries, under the same name (``shared.domain.job.Kind``):

- at POST, in ``services/api/resources/job/registry.py``: a ``JobType`` whose ``read`` takes the parameters by name
  (``Given``) and answers an ``Order``: what to call the job, its ``params`` as JSON, the lines it came with, and which
  lists and campaigns must exist;
- here, in ``registry.py``: a ``Work``, which is called again and again with the job as it stands.

Each call does one piece and answers None while there is more, or how it ended. A piece that changes rows does so in
one transaction, ``async with chunk_of(tools.database, job) as chunk``, which also stores ``chunk.cursor``: at whatever
moment the process dies, the next one goes on from the last cursor, so each row is applied once. A file is written by
``files/write_file.py``, part by part and with the same checkpoints.

While a piece runs the lease is renewed beside it; when it is lost, or the process ends, the piece is cancelled. Keep a
transaction below 200 ms: whoever tails a log waits for it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.dispatcher.jobs.held_job import HeldJob
from shared.bus.interface import Topic
from shared.domain.identifiers import Instant
from shared.egress.client import EgressClient
from shared.event_store.handle_command import Handler
from shared.object_store.interface import ObjectStore
from shared.postgres.database import Database
from shared.postgres.ids import Ids
from shared.suppression.address_hash import AddressHashes


class Later(Exception):
    """Raised by a work: it can go on in so many seconds, and others may have their turn meanwhile."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"in {seconds:g} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class JobTools:
    """What work on jobs needs of the world. ``secret``: seals what is secret in rows. ``hint``: tells the other
    dispatchers, and this one, that something is due. ``objects``: keeps the files of exports, which are fetched below
    ``api_url`` and are there for ``export_seconds``.
    """

    database: Database
    handler: Handler
    ids: Ids
    hashes: AddressHashes
    egress: EgressClient
    secret: tuple[bytes, ...]
    owner: int
    now: Callable[[], Instant]
    monotonic: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    hint: Callable[[Topic], None]
    objects: ObjectStore
    api_url: str
    export_seconds: float
    report_from: str  #: the address that reports come from
    dns_check: bool  #: a domain counts only once DNS shows it


@dataclass(frozen=True, slots=True)
class Completed:
    """``result``: what GET tells besides, with what chunks have told so far. See ``job_answer`` for its words."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The job as a whole cannot be done. ``reason``: for the caller; it names no address."""

    reason: str


Outcome: TypeAlias = Completed | Failed

Work: TypeAlias = Callable[[JobTools, HeldJob], Awaitable[Outcome | None]]
