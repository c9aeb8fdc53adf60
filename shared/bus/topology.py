"""Every exchange, queue and binding on the broker, as data. Pure.

Every argument is spelled out, since brokers from 3.10 to 4.x differ in what they assume. Arguments of a queue that
exists cannot be changed: a changed queue gets a new name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.bus.interface import ROLES, Role

HINT_LIFE_MS = 60_000  # by then a sweep has found the work twice over
MOST_HINTS = 10_000
MOST_DEAD_LETTERS = 10_000
MOST_EXPIRED = 1_000
DELIVERY_LIMIT = 5

Arguments = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Durable."""

    name: str
    kind: Literal["topic", "headers"]


@dataclass(frozen=True, slots=True)
class Queue:
    """Durable."""

    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Binding:
    exchange: str
    queue: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Topology:
    events: Exchange
    buried: Exchange  #: where the broker sends what it takes out of a queue of hints
    dead_letters: Queue  #: what deserves a look: unreadable, rejected, or delivered too often
    expired: Queue  #: hints of a role that was away; a few of the latest
    hints: Mapping[Role, Queue]
    bindings: tuple[Binding, ...]

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return (self.events, self.buried)

    @property
    def queues(self) -> tuple[Queue, ...]:
        """Dead letters first, so that a queue of hints never stands without them."""
        return (self.dead_letters, self.expired, *self.hints.values())


def topology(prefix: str = "") -> Topology:
    """The names stand behind `prefix`, empty in production: `postroom.events`, `postroom.dispatcher`."""
    house = f"{prefix}postroom"
    buried = Exchange(f"{house}.buried", "headers")
    dead_letters = Queue(f"{house}.dead_letters", _DEAD_LETTERS)
    expired = Queue(f"{house}.expired", _EXPIRED)
    return Topology(
        events=Exchange(f"{house}.events", "topic"),
        buried=buried,
        dead_letters=dead_letters,
        expired=expired,
        hints={role: Queue(f"{house}.{role}", _hint_arguments(buried)) for role in ROLES},
        bindings=(
            _burial(buried, dead_letters, "rejected"),
            _burial(buried, dead_letters, "delivery_limit"),
            _burial(buried, expired, "expired"),
        ),
    )


def _hint_arguments(buried: Exchange) -> Arguments:
    """At-least-once burial needs reject-publish, which tells a publisher that the queue is full instead of dropping."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": buried.name,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": MOST_HINTS,
        "x-message-ttl": HINT_LIFE_MS,
    }


# A full one forgets its oldest: had it to refuse, the queues of hints would fill up behind it.
_DEAD_LETTERS: Arguments = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 1_000_000,  # looking at a dead letter and putting it back must not use it up
    "x-overflow": "drop-head",
    "x-max-length": MOST_DEAD_LETTERS,
    "x-max-length-bytes": 64 * 1024 * 1024,
}

_EXPIRED: Arguments = {"x-queue-type": "classic", "x-overflow": "drop-head", "x-max-length": MOST_EXPIRED}


def _burial(buried: Exchange, queue: Queue, reason: str) -> Binding:
    """By the broker's own reason: hints that merely expired must not push out what deserves a look."""
    return Binding(buried.name, queue.name, {"x-match": "any-with-x", "x-first-death-reason": reason})
