"""What a check says: which promise it holds the facts against, and where they break it. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pyroaring import BitMap

SHOWN = 5  #: ordinals that are told of many

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Wrong:
    """One breach: of what (``task 7``), for how many, and what is so. ``ordinals``: some of the recipients."""

    subject: str
    count: int
    said: str
    ordinals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Check(Generic[Facts]):
    """``name``: for people and machines; ``invariant``: its number in the list of promises; ``sentence``: what must
    be so; ``judge``: the breaches, none where it is so.
    """

    name: str
    invariant: str
    sentence: str
    judge: Callable[[Facts], Iterable[Wrong]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach, and whose promise it breaks. It names recipients by ordinal, never by address."""

    check: str
    invariant: str
    subject: str
    count: int
    said: str
    ordinals: tuple[int, ...] = ()

    def __str__(self) -> str:
        told = f"{self.invariant} {self.subject}: {self.said}: {self.count:,}"
        if not self.ordinals:
            return told
        some = [*map(str, self.ordinals), *(["…"] if self.count > len(self.ordinals) else [])]
        return f"{told} ({', '.join(some)})"


def recipients(task_id: int, ordinals: BitMap, said: str) -> Iterable[Wrong]:
    """A breach where there is somebody; none where the set is empty."""
    if ordinals:
        yield Wrong(f"task {task_id}", len(ordinals), said, tuple(ordinals[:SHOWN]))


def judge(check: Check[Facts], facts: Facts) -> list[Finding]:
    return [
        Finding(check.name, check.invariant, wrong.subject, wrong.count, wrong.said, wrong.ordinals)
        for wrong in check.judge(facts)
    ]
