"""Messages over one connection, one round trip each where the relay pipelines (RFC 2920).

One write carries the content of message n, its dot, and MAIL, RCPT and DATA of message n+1. So at most one message is
past its dot, and at most one more has its envelope out. A relay that does not pipeline, or lost its way in it, is
spoken to one command at a time by the same code: what differs is only when the next command is written.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, ParamSpec

from services.dispatcher.channels.interface import Hooks, Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.channels.smtp.connection import Connection, Timers
from services.dispatcher.channels.smtp.replies import Reply, outcome_of
from services.dispatcher.channels.smtp.under_way import UnderWay
from services.dispatcher.channels.smtp.wire import NO_REPORTS, ReportWish, mail_command, on_the_wire, rcpt_command

LARGE: Final = 32_768  #: octets of content from which on it leaves before its dot is written, not together with it

#: Commands not known or out of order: said to a pipelined group, they are believed only when said step by step.
_LOST_ITS_WAY: Final = frozenset({500, 502, 503})

_Arguments = ParamSpec("_Arguments")

#: Looked up once: a member of an enumeration costs more than what is asked of it.
_MAIL, _RCPT, _DATA, _DOT = Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT
_BLOCKED, _DOUBTFUL = OutcomeKind.BLOCKED, OutcomeKind.DOUBTFUL


@dataclass(frozen=True, slots=True)
class TransferEnd:
    """How a transfer ended."""

    unsent: Outgoing | None = None  #: has no outcome yet: to be sent over another connection
    stepwise: bool = False  #: and there one command at a time
    stop: Outcome | None = None  #: why no further message should be tried


class Transfer:
    """Sends what is in ``source`` until that ends, the connection has taken ``most`` messages or is gone."""

    def __init__(
        self,
        connection: Connection,
        source: Iterator[Outgoing],
        hooks: Hooks,
        *,
        timers: Timers,
        most: int,
        stepwise: bool,
        reports: ReportWish = NO_REPORTS,
    ) -> None:
        self._connection = connection
        self._reports = reports
        self._under_way = UnderWay(connection, source, hooks, most)
        self._seconds = timers.by_stage()
        self._pipelining = "PIPELINING" in connection.extensions and not stepwise
        self._awaited: deque[Stage | None] = deque()  #: replies to come; None: whatever it says (RSET, a lone dot)
        self._failure: tuple[Stage, Reply] | None = None  #: the first bad reply to the envelope in hand
        self._draining = False  #: content is leaving, its dot is not written yet
        self._done: asyncio.Future[TransferEnd] = asyncio.get_running_loop().create_future()

    async def run(self) -> TransferEnd:
        """Raises what a hook or the source raised.

        Cancelled, it drops the connection and reports what was under way.
        """
        self._connection.receiver = self
        self._guarded(self._begin)
        try:
            return await self._done
        except asyncio.CancelledError:
            self._abandon("sending was cancelled")
            raise
        finally:
            self._connection.receiver = None

    # What the connection calls.

    def on_replies(self, replies: Sequence[Reply]) -> None:
        self._guarded(self._read_all, replies)

    def on_drained(self) -> None:
        if self._draining:
            self._draining = False
            self._guarded(self._send_dot, b"")

    def on_gone(self, reason: str) -> None:
        self._guarded(self._lose, 0, reason)

    def _guarded(self, step: Callable[_Arguments, None], *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        if self._done.done():
            return
        try:
            step(*args, **kwargs)
        except Exception as surprise:  # noqa: BLE001 - of a hook or the source: it goes to whoever awaits the end
            self._abandon(f"stopped by {type(surprise).__name__}")
            if not self._done.done():
                self._done.set_exception(surprise)
        if self._awaited and not self._done.done():
            stage = self._awaited[0] or _MAIL
            self._connection.expect(self._seconds[stage], stage)

    # Reading.

    def _read_all(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            stage = self._awaited.popleft() if self._awaited else None
            if self._goes_well(stage, reply):
                continue
            self._read(stage, reply)
            if self._done.done():
                return

    def _goes_well(self, stage: Stage | None, reply: Reply) -> bool:
        """Whether nothing is to be done about it: most replies say that the envelope is welcome so far."""
        in_envelope = stage is _RCPT or stage is _MAIL
        return in_envelope and self._pipelining and 200 <= reply.code < 300 and not self._draining

    def _read(self, stage: Stage | None, reply: Reply) -> None:
        if reply.code == 421:
            self._take_leave(stage or self._stage_in_hand(), reply)
        elif self._draining:
            # It will not read on: its verdict comes before the dot.
            self._conclude(self._under_way.answer_in_hand(_DATA, reply))
            self._lose(0, "the relay answered before the end of the content")
        elif stage is _DOT:
            self._conclude(self._under_way.answer_dot(reply))
        elif stage is _DATA:
            self._read_data(reply)
        elif stage is not None:
            self._read_envelope(stage, reply)
        if not self._awaited and not self._draining and not self._done.done():
            self._begin()

    def _read_envelope(self, stage: Stage, reply: Reply) -> None:
        if self._failure is None and not 200 <= reply.code < 300:
            self._failure = (stage, reply)
        message = self._under_way.in_hand
        if self._pipelining or message is None:
            return
        if self._failure is not None:
            self._refuse(self._failure)
        elif stage is _MAIL:
            self._ask(rcpt_command(message, self._reports), _RCPT)
        else:
            self._ask(b"DATA\r\n", _DATA)

    def _read_data(self, reply: Reply) -> None:
        goes_ahead = 300 <= reply.code < 400
        if self._failure is not None:
            self._refuse(self._failure, lone_dot=goes_ahead)
        elif goes_ahead:
            self._send_content()
        else:
            self._refuse((_DATA, reply))

    # Writing.

    def _begin(self, ahead: bytes = b"") -> None:
        """Writes ``ahead`` and the next envelope, or as much of it as needs no answer; ends if there is none."""
        self._failure = None
        message = self._under_way.take()
        if self._connection.gone is not None:
            self._lose(0, self._connection.gone)
        elif message is not None:
            self._ask(ahead + self._envelope(message))
        elif ahead:
            self._ask(ahead)
        else:
            self._finish(TransferEnd())

    def _envelope(self, message: Outgoing) -> bytes:
        if not self._pipelining:
            self._awaited.append(_MAIL)
            return mail_command(message, self._reports)
        self._awaited += (_MAIL, _RCPT, _DATA)
        return mail_command(message, self._reports) + rcpt_command(message, self._reports) + b"DATA\r\n"

    def _ask(self, octets: bytes, *awaited: Stage | None) -> None:
        self._awaited += awaited
        self._connection.write(octets)

    def _refuse(self, failure: tuple[Stage, Reply], lone_dot: bool = False) -> None:
        """The envelope in hand was not taken whole: says why, and clears the way for the next."""
        stage, reply = failure
        if self._pipelining and (reply.code in _LOST_ITS_WAY or reply.code < 400):
            self._finish(TransferEnd(unsent=self._under_way.in_hand, stepwise=True))
            self._connection.drop("the relay does not pipeline as it says")
            return
        self._conclude(self._under_way.answer_in_hand(stage, reply))
        if self._done.done():
            return
        if reply.code < 400 or (lone_dot and stage is _MAIL):
            # Where DATA goes ahead without MAIL the recipient may stand too: a dot would send him an empty message.
            self._lose(0, "the relay answers what was not asked")
            return
        # An accepted DATA has to be closed; without a recipient the lone dot is no message.
        self._awaited += (None, None) if lone_dot else (None,)
        closing = b".\r\nRSET\r\n" if lone_dot else b"RSET\r\n"
        if self._pipelining:
            self._begin(closing)
        else:
            self._ask(closing)

    def _send_content(self) -> None:
        message = self._under_way.in_hand
        if message is None:
            return
        octets = message.content if message.is_strict else on_the_wire(message.content)
        if len(octets) > LARGE:
            # The caller's word is asked when the dot really leaves, not a slow megabyte before it.
            self._connection.write(octets)
            if not self._connection.is_drained:
                self._draining = True
                self._connection.expect_drain()
                return
            octets = b""
        self._send_dot(octets)

    def _send_dot(self, content: bytes) -> None:
        message = self._under_way.in_hand
        if message is None:
            return
        if not self._under_way.may_pass_dot(message, take_following=self._pipelining):
            self._stop(Outcome(OutcomeKind.UNSENT, 0, "held back before its dot", _DOT))
            return
        self._under_way.pass_dot()
        self._awaited.append(_DOT)
        following = self._under_way.in_hand
        envelope = self._envelope(following) if following is not None else b""
        self._connection.write(b"".join((content, b".\r\n", envelope)))

    # Ending.

    def _conclude(self, outcome: Outcome | None) -> None:
        """After a message has its outcome: does it let us go on?"""
        if outcome is not None and outcome.kind is _BLOCKED:
            self._stop(outcome)
        elif outcome is not None and outcome.kind is _DOUBTFUL:
            self._lose(0, outcome.text)

    def _take_leave(self, stage: Stage, reply: Reply) -> None:
        """421: the relay ends the connection. Only the message whose dot it answers has had an attempt."""
        if stage is _DOT:
            self._under_way.answer_dot(reply)
        in_hand = self._under_way.in_hand
        self._lose(reply.code, outcome_of(stage, reply, in_hand.recipient if in_hand is not None else b"").text)

    def _lose(self, code: int, reason: str) -> None:
        """The connection is gone. Another one is worth trying only if this one had brought a message to its end."""
        doubt = self._under_way.doubt(code, reason)
        if self._connection.answered:
            self._finish(TransferEnd(unsent=self._under_way.in_hand))
        else:
            unsent = Outcome(OutcomeKind.UNSENT, code, reason, self._stage_in_hand())
            self._under_way.set_free(unsent)
            self._finish(TransferEnd(stop=doubt or unsent))
        self._connection.drop(reason)

    def _stop(self, outcome: Outcome) -> None:
        self._under_way.set_free(Outcome(OutcomeKind.UNSENT, 0, outcome.text, self._stage_in_hand()))
        self._finish(TransferEnd(stop=outcome))
        self._connection.drop(outcome.text)

    def _abandon(self, reason: str) -> None:
        self._connection.receiver = None
        self._connection.drop(reason)
        self._under_way.abandon(reason, self._stage_in_hand())

    def _stage_in_hand(self) -> Stage:
        return next((stage for stage in self._awaited if stage is not None and stage is not _DOT), _DATA)

    def _finish(self, end: TransferEnd) -> None:
        if not self._done.done():
            self._connection.expect_nothing()
            self._done.set_result(end)
