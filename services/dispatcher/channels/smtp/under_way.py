"""The messages under way on one connection. Each that is taken leaves with exactly one outcome."""

from collections.abc import Iterator
from contextlib import suppress

from services.dispatcher.channels.interface import Hooks, Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.channels.smtp.connection import Connection
from services.dispatcher.channels.smtp.replies import Reply, outcome_of
from services.dispatcher.channels.smtp.wire import envelope_fault

_DOT = Stage.DOT  #: looked up once: it costs more than what is asked of it


class UnderWay:
    """At most three: past its dot, in hand, and taken to follow it.

    The hooks and the source may raise; a message is let go before its outcome is told, so that nothing is told twice.
    """

    def __init__(self, connection: Connection, source: Iterator[Outgoing], hooks: Hooks, most: int) -> None:
        self.past_dot: Outgoing | None = None
        self.in_hand: Outgoing | None = None  #: its envelope or content is on its way, its dot is not
        self._following: Outgoing | None = None  #: nothing of it was written
        self._connection = connection
        self._source = source
        self._hooks = hooks
        self._most = most

    def take(self) -> Outgoing | None:
        """The message in hand; the next one of the source, if none is."""
        if self.in_hand is None:
            self.in_hand = self._next()
        return self.in_hand

    def may_pass_dot(self, message: Outgoing, take_following: bool) -> bool:
        """Taking (and so making) the next message comes first: the caller's word is asked right before the write."""
        self._following = self._next() if take_following else None
        return self._hooks.before_dot(message.ordinal)

    def pass_dot(self) -> None:
        self.past_dot, self.in_hand, self._following = self.in_hand, self._following, None

    def answer_dot(self, reply: Reply) -> Outcome | None:
        message, self.past_dot = self.past_dot, None
        return self._answer(message, _DOT, reply)

    def answer_in_hand(self, stage: Stage, reply: Reply) -> Outcome | None:
        message, self.in_hand = self.in_hand, None
        return self._answer(message, stage, reply)

    def doubt(self, code: int, reason: str) -> Outcome | None:
        """No answer to the dot will come."""
        message, self.past_dot = self.past_dot, None
        if message is None:
            return None
        doubt = Outcome(OutcomeKind.DOUBTFUL, code, reason, _DOT)
        self._hooks.on_outcome(message.ordinal, doubt)
        return doubt

    def set_free(self, outcome: Outcome) -> None:
        """Nothing of these will reach anybody: they may be sent again as if they had never been taken."""
        held, self.in_hand, self._following = (self.in_hand, self._following), None, None
        for message in held:
            if message is not None:
                self._hooks.on_outcome(message.ordinal, outcome)

    def abandon(self, reason: str, stage: Stage) -> None:
        """Says of each what is known, whatever the hooks do."""
        with suppress(Exception):
            self.doubt(0, reason)
        with suppress(Exception):
            self.set_free(Outcome(OutcomeKind.UNSENT, 0, reason, stage))

    def _answer(self, message: Outgoing | None, stage: Stage, reply: Reply) -> Outcome | None:
        if message is None:
            return None
        outcome = outcome_of(stage, reply, message.recipient)
        self._connection.answered += reply.code != 421
        self._hooks.on_outcome(message.ordinal, outcome)
        return outcome

    def _next(self) -> Outgoing | None:
        """The next message that can be offered here; what cannot be is refused on the spot."""
        while self._connection.taken < self._most:
            message = next(self._source, None)
            if message is None:
                return None
            fault = envelope_fault(message, self._connection.extensions)
            if fault is None:
                self._connection.taken += 1
                return message
            self._hooks.on_outcome(message.ordinal, fault)
        return None
