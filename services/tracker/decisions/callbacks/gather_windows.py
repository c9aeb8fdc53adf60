"""Which callbacks follow from the log: a window for each campaign, event, channel and stretch of time. Pure.

A window is what was recorded between two full multiples of its length. Everybody in it is named once in it, in calls
of at most 1,000.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pyroaring import BitMap

from shared.delivery_log.segments import Hits
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel

MOST_PEOPLE: Final = 1_000  #: in one call

#: What follows a handover counts so much later: a recipient's phone may be faster than our record of the handover, and
#: nobody is to hear that something was opened before he heard that it was submitted.
FOLLOWING_SECONDS: Final = 1.0

EVENTS: Final[Mapping[Channel, tuple[Kind, ...]]] = {
    "email": (Kind.SUBMITTED, Kind.DELIVERED, Kind.BOUNCED, Kind.OPENED, Kind.CLICKED),
    "sms": (Kind.DELIVERED, Kind.BOUNCED),
}
CALLED_BACK: Final = EVENTS["email"]  #: all that any channel tells


@dataclass(frozen=True, slots=True)
class Subject:
    """A task of a campaign that wants to be called."""

    campaign_id: int
    account_id: int
    channel: Channel


class WindowKey(NamedTuple):
    """In the order in which one campaign hears of it."""

    number: int  #: of the stretch of time, counted from 1970
    kind: Kind
    task_id: int


@dataclass(slots=True)
class _Window:
    people: BitMap = field(default_factory=BitMap)
    first_ms: int = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CallToMake:
    task_id: int
    subject: Subject
    kind: Kind
    opened: float  #: when its window began, unix
    first_ms: int  #: the earliest event of its window, unix milliseconds
    people: BitMap  #: their ordinals


def window_of(kind: Kind, recorded_at: float, seconds: int) -> int:
    """The number of the window that a segment belongs to."""
    shift = 0.0 if kind is Kind.SUBMITTED else FOLLOWING_SECONDS
    return math.floor((recorded_at + shift) / seconds)


class Windows:
    """Gathers segments; ``seconds``: how long a window is."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._windows: dict[WindowKey, _Window] = {}
        self._subjects: dict[int, Subject] = {}
        self.hits = 0

    def add(self, task_id: int, subject: Subject, kind: Kind, number: int, hits: Hits) -> None:
        """``number``: of the window, see ``window_of``."""
        if kind not in EVENTS[subject.channel]:
            return
        self._subjects[task_id] = subject
        window = self._windows.setdefault(WindowKey(number, kind, task_id), _Window())
        window.people |= BitMap(hits.ordinals)
        window.first_ms = min((window.first_ms, *hits.times))
        self.hits += len(hits)

    def calls(self) -> list[CallToMake]:
        """Those to be made, in their order."""
        return [
            CallToMake(
                key.task_id, self._subjects[key.task_id], key.kind, key.number * self._seconds, window.first_ms, part
            )
            for key, window in sorted(self._windows.items())
            for part in _parts(window.people)
        ]


def _parts(people: BitMap) -> list[BitMap]:
    if len(people) <= MOST_PEOPLE:
        return [people]
    ordinals = people.to_array()
    return [BitMap(ordinals[start : start + MOST_PEOPLE]) for start in range(0, len(ordinals), MOST_PEOPLE)]
