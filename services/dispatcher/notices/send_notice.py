"""Sends one notice over one channel: begin, send, conclude. The rules are in the decisions; here they are carried out.

That it was begun stands in its row before the channel has it, and that its final dot goes out in the journal right
before the write. So a process that takes over without the journal sends nothing twice, and one that finds the journal
knows exactly what was not sent.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from services.dispatcher.channels.interface import Channel, Outcome, OutcomeKind, Outgoing, Stage
from services.dispatcher.decisions.settle_notice import Said, Verdict, settle_notice
from services.dispatcher.notices.hand_over import HandOver
from services.dispatcher.notices.held_notice import HeldNotice, NoticeLeases
from services.dispatcher.notices.statements import STATEMENTS
from services.dispatcher.sending.blame_message import PATIENT_HOLDS
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Hold, Mark, Record
from shared.domain.email_address import to_envelope
from shared.domain.identifiers import Channel as ChannelName
from shared.domain.identifiers import Instant
from shared.domain.notice import NoticeState
from shared.domain.retry_schedule import RetrySchedule
from shared.domain.tokens import TokenKeys, TokenKind, of_notice
from shared.postgres.database import Database, Unavailable
from shared.runtime import crash_points
from shared.sealing import CannotOpen

log = structlog.get_logger(__name__)

STORE_RETRY_SECONDS: Final = 0.5

SAID: Final[dict[OutcomeKind, Said]] = {
    OutcomeKind.ACCEPTED: "accepted",
    OutcomeKind.REFUSED: "refused",
    OutcomeKind.DEFERRED: "deferred",
    OutcomeKind.DOUBTFUL: "doubtful",
    OutcomeKind.UNSENT: "not taken",
    OutcomeKind.BLOCKED: "not taken",
}
_MARKS: Final[dict[Said, Mark]] = {
    "accepted": Mark.ACCEPTED,
    "refused": Mark.REFUSED,
    "deferred": Mark.DEFERRED,
    "not taken": Mark.NOT_TAKEN,
}
#: Where a connection breaks over the message, not before it.
_OF_THE_MESSAGE: Final = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA})


@dataclass(frozen=True, slots=True)
class NoticeTools:
    """What sending notices needs of the world."""

    database: Database
    hand_over: HandOver
    leases: NoticeLeases
    journal: Journal
    tokens: TokenKeys
    schedule: RetrySchedule
    owner: int
    now: Callable[[], Instant]
    monotonic: Callable[[], float]
    jitter: Callable[[], float]
    count: Callable[[ChannelName, NoticeState], None]  #: told of the state of each notice after an attempt
    stopping: asyncio.Event


class NoticeSending:
    """One notice on its way: the channel's hooks, and what is done before and after."""

    def __init__(self, tools: NoticeTools, notice: HeldNotice) -> None:
        self._tools = tools
        self._notice = notice
        self._outcome: Outcome | None = None
        self._signed: bytes | None = None  #: the content with signatures that it did not have before

    async def send(self, channel: Channel) -> Outcome | None:
        """None, or why it is better not to go on at once. Raises DatabaseError before anything was sent."""
        try:
            if not await self._may_go():
                await self._conclude(None)
                return None
            if not await self._begin():
                return None
        except Unavailable as error:
            # It may stand there as begun all the same: that nothing was sent must be said, or it would be in doubt.
            lost = Outcome(OutcomeKind.UNSENT, 0, f"not begun: {type(error).__name__}", Stage.CONNECT)
            self.on_outcome(0, lost)
            await self._conclude(None)
            return lost
        crash_points.reached("notice.begun")
        outgoing = outgoing_of(self._notice, self._tools.tokens)
        stopped: Outcome | None = None
        if outgoing is None:
            self._outcome = Outcome(OutcomeKind.REFUSED, 0, "the address cannot be written to", Stage.RCPT)
        else:
            try:
                stopped = await channel.send_all([outgoing], self)
            except Exception as surprise:
                # As of a journal that cannot be written. What became of the notice is known all the same.
                log.exception("notice stopped", action="notice_stopped", notice_id=self._notice.id)
                stopped = Outcome(OutcomeKind.UNSENT, 0, f"stopped by {type(surprise).__name__}", Stage.DATA)
        await self._conclude(stopped)
        return stopped

    async def _may_go(self) -> bool:
        """With its signatures; or why not is the outcome."""
        against = await self._tools.hand_over.reason_against(self._notice)
        if against is not None:
            self._outcome = Outcome(OutcomeKind.REFUSED, 0, f"suppressed: {against}", Stage.RCPT)
            return False
        try:
            self._signed = await self._tools.hand_over.signed(self._notice)
        except CannotOpen:
            # Never without its signature: it rests until somebody has mended the secret.
            log.warning("notice not signed", action="notice_not_signed", notice_id=self._notice.id)
            self._outcome = Outcome(OutcomeKind.UNSENT, 0, "the key that signs it cannot be opened", Stage.CONNECT)
            return False
        return True

    async def _begin(self) -> bool:
        notice, tools = self._notice, self._tools
        asked_at = tools.monotonic()
        claim = (notice.id, notice.epoch, tools.owner)
        begun = await tools.database.execute(STATEMENTS["begin_notice"], *claim, tools.leases.seconds, self._signed)
        notice.content = self._signed or notice.content
        notice.dot_until = tools.leases.dot_until(asked_at)
        return begun == 1

    def before_dot(self, ordinal: int) -> bool:
        """Called right before the write that holds the final dot."""
        if not self._notice.may_finish(self._tools.monotonic()):
            return False
        self._tools.journal.write(self._record(Mark.DOT))
        return True

    def may_begin_again(self) -> bool:
        """Nothing holds a notice back but the end of its lease."""
        return self._notice.may_finish(self._tools.monotonic())

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        """Called once, as soon as it is known what became of it."""
        self._outcome = outcome
        mark = _MARKS.get(SAID[outcome.kind])
        if mark is not None:
            self._tools.journal.note(self._record(mark, outcome.code, outcome.text))

    async def _conclude(self, stopped: Outcome | None) -> None:
        notice, tools = self._notice, self._tools
        verdict = self._judge(self._outcome or stopped)
        tools.count(notice.channel, verdict.state)
        crash_points.reached("notice.answered")
        if not await self._store(verdict):
            return  # the journal has it
        tools.journal.note(self._record(Mark.SETTLED))
        log.info("notice attempted", action="notice_attempted", notice_id=notice.id, state=verdict.state)

    def _judge(self, outcome: Outcome | None) -> Verdict:
        notice, tools = self._notice, self._tools
        pause = tools.schedule.next_pause(notice.attempt, tools.jitter())
        if outcome is None:
            return settle_notice("not taken", "the channel did not take it", pause)
        said = SAID[outcome.kind]
        if outcome.kind is OutcomeKind.UNSENT and outcome.stage in _OF_THE_MESSAGE and notice.epoch > PATIENT_HOLDS:
            said = "deferred"  # it may be this very message that no connection survives
        return settle_notice(said, outcome.text, pause)

    async def _store(self, verdict: Verdict) -> bool:
        """False when Postgres stayed away until this process had to end."""
        while True:
            try:
                arguments = conclusion(self._notice.hold, verdict)
                await self._tools.database.execute(STATEMENTS["conclude_notice"], *arguments)
            except Unavailable as error:
                log.warning("notice not stored", action="notice_not_stored", reason=str(error)[:200])
                if self._tools.stopping.is_set():
                    return False
                await asyncio.sleep(STORE_RETRY_SECONDS)
            else:
                return True

    def _record(self, mark: Mark, code: int = 0, note: str = "") -> Record:
        hold = self._notice.hold
        return Record(mark, hold.task_id, hold.batch, hold.epoch, 0, int(self._tools.now() * 1000), code, note)


def conclusion(hold: Hold, verdict: Verdict) -> tuple[object, ...]:
    """The arguments of ``conclude_notice``."""
    return hold.batch, hold.epoch, verdict.state, verdict.reason, int(verdict.spent), verdict.pause


def outgoing_of(notice: HeldNotice, tokens: TokenKeys) -> Outgoing | None:
    """None: its address cannot be written to. Octet for octet the same at each attempt."""
    if notice.channel == "sms":
        reference = tokens.web(of_notice(notice.id), 0, TokenKind.RECEIPT)
        return Outgoing(0, notice.sender.encode(), notice.address.encode(), notice.content, reference)
    recipient = to_envelope(notice.address)
    return None if recipient is None else Outgoing(0, notice.sender.encode(), recipient, notice.content)
