"""All that is known of one task, as the checks look at it. Pure.

Gathered in one snapshot of the database, so that what belongs together is seen together; sets are bitmaps, so the
facts of a task of a million fit into some megabytes.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyroaring import BitMap

from shared.domain.delivery import FINAL, Kind
from shared.domain.identifiers import Channel, Instant
from shared.domain.task import Task


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What readers are told of it."""

    id: int
    account_id: int
    channel: Channel
    version: int
    started: bool
    cancelled: bool
    completed: bool
    endtime: Instant | None
    recipients: int | None
    rate: int | None
    scheduledtime: Instant


@dataclass(frozen=True, slots=True)
class Audience:
    """The contact records."""

    count: int = 0
    lowest: int | None = None
    highest: int | None = None
    people: int = 0  #: different subscribers
    foreign: int = 0  #: subscribers of another account
    named_erased: int = 0  #: addresses of those who are erased


@dataclass(frozen=True, slots=True)
class Batches:
    """Those that are not done. ``miscounted``: numbers of those that hold more or fewer than they say."""

    open: BitMap = field(default_factory=BitMap)
    shared: BitMap = field(default_factory=BitMap)  #: in two of them
    miscounted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """Where the counts are not what the log up to their checkpoint makes them. By (kind, link)."""

    missing: Mapping[tuple[int, int], BitMap] = field(default_factory=dict)  #: in the log and not in the set
    invented: Mapping[tuple[int, int], BitMap] = field(default_factory=dict)
    miscounted: int = 0  #: chunks whose cardinality is not the number of their members
    minutes: Mapping[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    #: by (kind, link, minute): hits in the log, hits in the series, where these differ


@dataclass(frozen=True, slots=True)
class Log:
    """What the delivery log says of it."""

    sets: Mapping[Kind, BitMap] = field(default_factory=dict)
    accepted_twice: BitMap = field(default_factory=BitMap)  #: in two holds of batches
    submitted_by_minute: Mapping[int, int] = field(default_factory=dict)  #: unix time / 60: hits
    first_sent_at: Instant | None = None  #: when its first attempt was recorded, by the clock of the database
    addressed_notes: int = 0  #: reasons that hold an address
    misplaced: int = 0  #: segments in the shard of another task
    drift: Drift | None = None  #: None: this version does not know the rules of the live counts

    def of(self, *kinds: Kind) -> BitMap:
        return BitMap().union(*(self.sets.get(kind, BitMap()) for kind in kinds))

    @property
    def final(self) -> BitMap:
        return self.of(*FINAL)

    @property
    def listed(self) -> BitMap:
        """Of whom it is said that they may have got two."""
        return self.of(Kind.RESENT, Kind.HELD)


@dataclass(frozen=True, slots=True)
class Window:
    """A callback that is to be made or was made."""

    number: int
    kind: Kind
    opened_at: Instant
    first_at: Instant  #: when its earliest event happened
    ordinals: BitMap
    people: int
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class CalledBack:
    """Of a campaign's task. ``always``: its campaign wanted callbacks from its creation on, so all must be told.
    ``line_open``: none of its calls has failed lately, and it still wants them. ``now``: the database's.
    """

    always: bool
    line_open: bool
    now: Instant
    windows: Sequence[Window] = ()
    cut: Mapping[Kind, BitMap] = field(default_factory=dict)  #: what the log says up to where it was cut


@dataclass(frozen=True, slots=True)
class Charges:
    """``by_units``: who is charged so much. ``always``: metered since before its start, so whoever was sent to is."""

    by_units: Mapping[int, BitMap] = field(default_factory=dict)
    miscounted: int = 0
    always: bool = False


@dataclass(frozen=True, slots=True)
class Outside:
    """What relays or gateways took of it; a set of every copy up to the third."""

    once: BitMap
    twice: BitMap
    thrice: BitMap
    altered: BitMap
    begun: "array[float]"


@dataclass(frozen=True, slots=True)
class TaskFacts:
    row: TaskRow
    replayed: Task  #: what its events say
    events: Sequence[str]  #: their names
    frozen: bool
    audience: Audience = Audience()
    log: Log = Log()
    batches: Batches = field(default_factory=Batches)
    redecided: BitMap = field(default_factory=BitMap)  #: whom a person wanted to be sent to once more
    charges: Charges = Charges()
    called_back: CalledBack | None = None  #: None: it is of no campaign
    outside: Outside | None = None  #: None: nobody counted

    @property
    def numbers(self) -> BitMap:
        return BitMap(range(self.row.recipients or 0))
