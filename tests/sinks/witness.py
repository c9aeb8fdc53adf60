"""The sender's side of a channel in tests: messages to hand in, and a record of what was asked and told about them."""

from collections import Counter
from dataclasses import dataclass, field

from services.dispatcher.channels.interface import Outcome, Outgoing


@dataclass
class Witness:
    """The sender's side: what was asked and told, in order."""

    may_send: int = 10**9  #: how many dots are allowed
    dots: list[int] = field(default_factory=list)
    outcomes: list[tuple[int, Outcome]] = field(default_factory=list)

    def before_dot(self, ordinal: int) -> bool:
        if len(self.dots) >= self.may_send:
            return False
        self.dots.append(ordinal)
        return True

    def may_begin_again(self) -> bool:
        return True

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        self.outcomes.append((ordinal, outcome))

    @property
    def kinds(self) -> list[str]:
        return [outcome.kind.value for _, outcome in sorted(self.outcomes, key=lambda told: told[0])]

    def assert_each_once(self, count: int) -> None:
        assert Counter(ordinal for ordinal, _ in self.outcomes) == Counter(range(count))


def letters(count: int, body: bytes = b"Hello\r\n") -> list[Outgoing]:
    return [
        Outgoing(
            ordinal,
            b"b+%d@bounce.example" % ordinal,
            b"r%d@example.org" % ordinal,
            b"Message-ID: <%d@example>\r\n\r\n" % ordinal + body,
        )
        for ordinal in range(count)
    ]
