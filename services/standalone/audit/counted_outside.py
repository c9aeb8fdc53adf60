"""What the other side has counted: the messages that relays and gateways took, and the calls that receivers got.

Only they know who got two copies. A test has their ledgers, and whoever can read the log of his relay has one too.
Sets of ordinals, so a million recipients are some hundred kilobytes.
"""

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b

from pyroaring import BitMap


def _sets() -> "defaultdict[int, BitMap]":
    return defaultdict(BitMap)


@dataclass(slots=True)
class Deliveries:
    """By task, the recipients of whom so many copies were taken; of notices, by their number below zero (see
    ``shared.domain.tokens.of_notice``). Kept by whoever took them, from the first message on.
    """

    once: "defaultdict[int, BitMap]" = field(default_factory=_sets)  #: at least one copy
    twice: "defaultdict[int, BitMap]" = field(default_factory=_sets)
    thrice: "defaultdict[int, BitMap]" = field(default_factory=_sets)
    altered: "defaultdict[int, BitMap]" = field(default_factory=_sets)  #: two copies that differ where none may
    strange: int = 0  #: messages that no token of ours is in
    begun: "defaultdict[int, array[float]]" = field(default_factory=lambda: defaultdict(lambda: array("d")))
    #: by task, when each MAIL FROM came (unix seconds), in order; empty where nobody noted it

    def take(self, task_id: int, ordinal: int, copies: int = 1) -> None:
        """Of one recipient, so many copies more."""
        for _ in range(copies):
            if ordinal in self.twice[task_id]:
                self.thrice[task_id].add(ordinal)
            elif ordinal in self.once[task_id]:
                self.twice[task_id].add(ordinal)
            else:
                self.once[task_id].add(ordinal)

    def begin(self, task_id: int, at: float) -> None:
        self.begun[task_id].append(at)


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    campaign_id: int
    number: int  #: of the call, see ``shared.domain.callback``
    digest: bytes  #: of the body


@dataclass(slots=True)
class Received:
    """The callbacks that receivers got, in the order in which they came, repeats included."""

    calls: list[ReceivedCall] = field(default_factory=list)
    strange: int = 0  #: requests without an id of ours

    def add(self, webhook_id: str, body: bytes) -> None:
        """``webhook_id``: the header as it came."""
        prefix, _, rest = webhook_id.partition("_")
        campaign, _, number = rest.partition("_")
        if prefix == "cb" and campaign.isdigit() and number.isdigit():
            digest = blake2b(body, digest_size=16).digest()
            self.calls.append(ReceivedCall(int(campaign), int(number), digest))
        else:
            self.strange += 1
