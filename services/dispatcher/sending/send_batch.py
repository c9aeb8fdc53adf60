"""Sends one batch over one connection: hand over, send, settle. The rules are in the decisions; here they are carried
out.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import assert_never

import structlog
from pyroaring import BitMap

from services.dispatcher.channels.interface import Channel, Outcome, OutcomeKind, Outgoing
from services.dispatcher.decisions.read_receipt import reference_in
from services.dispatcher.decisions.settle_batch import Tally, settle
from services.dispatcher.limits.admission import Admitted, Domains
from services.dispatcher.sending.blame_message import in_turn, is_of_one_message
from services.dispatcher.sending.charge_batch import charge_batch
from services.dispatcher.sending.compose import Unsendable
from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.is_in_pace import is_in_pace
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import MARKS, Mark, Record
from services.dispatcher.sending.load_task import PreparedTasks, TaskToSend
from services.dispatcher.sending.next_hop import NextHop, reason_of
from services.dispatcher.sending.on_trial import Trials, Withheld
from services.dispatcher.sending.read_recipients import read_recipients
from services.dispatcher.sending.record_outcomes import OutcomeRecorder, conclusion, settled_columns
from services.dispatcher.sending.recover import stored_outcomes
from services.dispatcher.sending.sign_ahead import SignedAhead
from services.dispatcher.sending.statements import STATEMENTS
from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel as ChannelName
from shared.domain.identifiers import Instant
from shared.domain.retry_schedule import RetrySchedule
from shared.event_store.interface import Write
from shared.postgres.database import Database, Row, Unavailable

log = structlog.get_logger(__name__)

RELAY_PAUSE_SECONDS = 5.0  #: how long a batch rests after the relay could not be used


@dataclass(frozen=True, slots=True)
class SendingTools:
    """What sending a batch needs of the world."""

    database: Database
    delivery_log: DeliveryLog
    tasks: PreparedTasks
    journal: Journal
    schedule: RetrySchedule
    channel: ChannelName
    accepted_kinds: tuple[Kind, ...]  #: what it stands for that the channel took a message
    owner: int
    now: Callable[[], Instant]
    monotonic: Callable[[], float]
    jitter: Callable[[], float]
    count: Callable[[OutcomeKind], None]
    transport: NextHop
    trials: Trials
    give_up: asyncio.Event  #: the process must end even if Postgres is away
    domains: Domains  #: limits of recipient domains
    signing: Executor  #: threads that sign
    count_domains: Callable[[Sequence[Row], BitMap, BitMap], None]  #: rows, who of them was taken, who was heard of


class BatchSending:
    """One batch on its way: the channel's hooks, and what is done before and after."""

    def __init__(self, tools: SendingTools, batch: HeldBatch, task: TaskToSend) -> None:
        self._tools = tools
        self._batch = batch
        self._task = task
        self._recorder = OutcomeRecorder(tools.delivery_log, batch, tools.owner, task.account_id)
        self._withheld = Withheld(tools.trials.of(batch))
        self._taken: list[int] = []
        self._heard = False  #: an outcome of the channel
        self._trouble = ""
        self._blocked_reason: str | None = None
        self.pause = 0.0  #: seconds for which the channel asked to be left alone
        self._let_go: dict[OutcomeKind, int] = {}  #: the last one that the channel gave back unsent, or blocked
        self._admitted: Admitted | None = None

    @property
    def taken(self) -> int:
        return len(self._taken)

    async def send(self, channel: Channel) -> bool:
        """False when the relay could not be used at all. Raises DatabaseError before anything was sent."""
        if self._batch.taken_over:
            await self._settle_doubt()
        if self._batch.halt is None and self._withheld.trial.verdict is None and self._batch.ordinals:
            try:
                await self._hand_to(channel, await self._hand_over())
            except Unavailable:
                self._batch.halt = "recorder down"  # nothing was sent: it is given back once Postgres answers
            except Exception as surprise:
                # As of a journal that cannot be written. What became of each is known all the same: nobody is in doubt.
                log.exception("batch stopped", action="batch_stopped", task_id=self._batch.hold.task_id)
                self._trouble = f"stopped by {type(surprise).__name__}"
        if self._admitted is not None:
            self._admitted.leave()
        # Before the batch is given back, so that nobody claims it in between.
        if not await self._tools.trials.carry_out(self._task, self._withheld.trial):
            self._trouble = "the task could not be paused"
        await self._conclude()
        return not self._trouble

    async def _hand_to(self, channel: Channel, rows: Sequence[Row]) -> None:
        if not rows:
            return
        stopped = await self._send_rows(channel, rows)
        # The connection stands by now: that may have taken longer than a grant lasts.
        late = stopped is None and self._batch.halt == "pace" and not self._heard
        if late and await is_in_pace(self._tools.database, self._batch, self._tools.monotonic):
            stopped = await self._send_rows(
                channel, [row for row in rows if row["ordinal"] not in self._recorder.final]
            )
        self._tools.count_domains(rows, BitMap(self._taken), self._recorder.final | self._recorder.deferred)
        self.pause = 0.0 if stopped is None else stopped.pause
        if stopped is None or self._batch.halt is not None:
            return
        if not (self._recorder.final or self._recorder.deferred or len(self._withheld)):
            self._trouble = reason_of(stopped)
            if self._tools.transport.stopped(self._trouble) or stopped.kind is OutcomeKind.BLOCKED:
                self._blocked_reason = self._trouble
        attempt, holds = self._batch.attempt, self._batch.hold.epoch
        blamed = is_of_one_message(stopped, accepted=bool(self._taken), attempt=attempt, holds=holds)
        if blamed and stopped.kind in self._let_go:
            # It waits like one refused for now, and the others of the batch go on.
            self._recorder.deferral(self._let_go[stopped.kind], self._time_ms(), stopped.note)

    async def _send_rows(self, channel: Channel, rows: Sequence[Row]) -> Outcome | None:
        """Why it stopped before the end, as ``send_all`` says it."""
        composed = self._outgoing(rows)
        if self._task.signer is None:
            return await channel.send_all(composed, self)
        ahead = SignedAhead(composed, self._task.signer.sign, self._tools.signing)
        try:
            stopped = None
            while stopped is None and self._batch.halt is None and await ahead.more():
                stopped = await channel.send_all(self._still_wanted(ahead.take()), self)
            return stopped
        finally:
            ahead.give_up()

    def _still_wanted(self, signed: Iterator[Outgoing]) -> Iterator[Outgoing]:
        """Whether a message may be begun is asked again: it was composed a while ago."""
        for message in signed:
            if not self._batch.may_start(self._tools.monotonic()):
                return
            yield message

    async def _settle_doubt(self) -> None:
        """After a takeover whoever has no stored outcome may or may not have been sent to."""
        batch, hold = self._batch, self._batch.hold
        stored = await stored_outcomes(self._tools.database, hold)
        doubtful = batch.ordinals - stored.final - stored.deferred_before
        tally = Tally(batch.ordinals, stored.final, BitMap(), doubtful, batch.resent)
        settlement = settle(tally, batch.in_doubt, retries_left=True, cancelled=batch.ended is not None)
        batch.ordinals, batch.resent = settlement.remaining, batch.resent | settlement.resend
        self._recorder.add(settled_columns(settlement, self._time_ms(), "the sender's lease ran out", batch.ended))
        key = (hold.task_id, hold.batch, hold.epoch, self._tools.owner)
        left = (batch.ordinals.serialize(), len(batch.ordinals), batch.resent.serialize())
        await self._recorder.conclude([Write(STATEMENTS["settle_doubt"], (*key, *left))], self._tools.give_up)

    async def _hand_over(self) -> Sequence[Row]:
        """Who of the batch is written to now; the others are recorded, or wait for their domain."""
        if not await is_in_pace(self._tools.database, self._batch, self._tools.monotonic):
            return []
        hold = self._batch.hold
        ordinals = list(self._batch.ordinals)[: self._batch.allowed]
        rows = await read_recipients(self._tools.database, hold.task_id, ordinals, self._task.list_id)
        self._recorder.refunding = metered = not rows or rows[0]["metered"]
        suppressed = dict.fromkeys(set(ordinals) - {row["ordinal"] for row in rows}, "erased")
        suppressed |= {row["ordinal"]: row["suppressed"] for row in rows if row["suppressed"]}
        if self._batch.in_doubt == "hold":
            suppressed |= dict.fromkeys(self._batch.resent.intersection(BitMap(ordinals)), "the task says to hold")
        for ordinal, why in sorted(suppressed.items()):
            # Who may have been sent to before stays in doubt.
            kind = Kind.HELD if ordinal in self._batch.resent else Kind.SUPPRESSED
            self._recorder.final_outcome((kind,), ordinal, self._time_ms(), why)
        self._admitted = self._tools.domains.admit([row for row in rows if row["ordinal"] not in suppressed])
        tools, rows = self._tools, self._admitted.rows
        if metered:
            rows = await charge_batch(
                tools.database, self._recorder, self._batch, tools.owner, self._task, rows, tools.now()
            )
        return in_turn(rows, hold.epoch)

    def _outgoing(self, rows: Sequence[Row]) -> Iterator[Outgoing]:
        for row, composed in zip(rows, self._task.composer.compose(rows), strict=True):
            if not self._batch.may_start(self._tools.monotonic()):
                return
            if isinstance(composed, Unsendable):
                self._recorder.final_outcome((Kind.FAILED,), row["ordinal"], self._time_ms(), composed.reason)
                continue
            yield composed

    def before_dot(self, ordinal: int) -> bool:
        """Called right before the write that holds the final dot. False: the connection is dropped and it was not
        sent.
        """
        if not self._batch.may_finish(self._tools.monotonic()):
            return False
        self._tools.journal.write(self._record(Mark.DOT, ordinal, self._time_ms()))
        return True

    def may_begin_again(self) -> bool:
        """By a rate each attempt counts that the relay sees: a second one wants a grant of its own."""
        if self._batch.pace_until is not None:
            self._batch.halt = self._batch.halt or "pace"
        return self._batch.may_start(self._tools.monotonic())

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        """Called once for each message handed to the session, as soon as its outcome is known."""
        time_ms, self._heard = self._time_ms(), True
        self._tools.count(outcome.kind)
        withheld = self._withheld.takes(ordinal, time_ms, outcome)
        mark = Mark.NOT_TAKEN if withheld else MARKS.get(outcome.kind)
        if mark is not None:
            self._tools.journal.note(self._record(mark, ordinal, time_ms, outcome.code, outcome.note))
        match outcome.kind:
            case OutcomeKind.ACCEPTED:
                self._accept(ordinal, time_ms, outcome)
            case OutcomeKind.REFUSED:
                if not withheld:
                    self._recorder.final_outcome((Kind.BOUNCED,), ordinal, time_ms, outcome.note)
            case OutcomeKind.DEFERRED:
                self._recorder.deferral(ordinal, time_ms, outcome.note)
            case OutcomeKind.DOUBTFUL:
                self._recorder.doubt(ordinal)
            case OutcomeKind.UNSENT | OutcomeKind.BLOCKED:
                self._let_go[outcome.kind] = ordinal  # it stays in the batch, and no attempt is spent
            case _:
                assert_never(outcome.kind)
        trial = self._withheld.trial
        if trial.verdict is not None or (self._withheld and not trial.is_open):
            self._end_trial()

    def _end_trial(self) -> None:
        """Those refused are bounces, or the task is about to rest and they are tried again when it goes on."""
        if self._withheld.trial.verdict is not None:
            self._batch.halt = self._batch.halt or "paused"
            return
        for refusal in self._withheld.release():
            self._recorder.final_outcome((Kind.BOUNCED,), refusal.ordinal, refusal.time_ms, refusal.note)

    def _accept(self, ordinal: int, time_ms: int, outcome: Outcome) -> None:
        self._taken.append(ordinal)
        self._tools.transport.accepted()
        self._recorder.final_outcome(self._tools.accepted_kinds, ordinal, time_ms)
        if self._tools.channel == "sms" and (reference := reference_in(outcome.text)):
            self._recorder.refer(ordinal, reference)

    async def _conclude(self) -> None:
        batch, tools = self._batch, self._tools
        self._end_trial()
        if batch.halt == "lost":
            # Another dispatcher settles it; what was answered here is stored as late and counts.
            if await self._recorder.conclude([], tools.give_up):
                tools.journal.note(self._record(Mark.SETTLED, 0, self._time_ms()))
            return
        pause = tools.schedule.next_pause(batch.attempt, tools.jitter())
        settlement = settle(
            self._recorder.tally(),
            batch.in_doubt,
            retries_left=pause is not None,
            cancelled=batch.ended is not None,
        )
        self._recorder.add(settled_columns(settlement, self._time_ms(), "no reply to the final dot", batch.ended))
        rest = RELAY_PAUSE_SECONDS if self._trouble else self._admitted.wait_seconds if self._admitted else 0.0
        keeps_turn = batch.halt == "makes way" and not rest
        write = conclusion(
            batch, tools.owner, settlement, rest_pause=None if keeps_turn else rest, retry_pause=pause or 0.0
        )
        if await self._recorder.conclude([write, *self._note_block()], tools.give_up):
            tools.journal.note(self._record(Mark.SETTLED, 0, self._time_ms()))
        if self._trouble:
            log.info(
                "batch came to nothing", action="batch_fruitless", task_id=batch.hold.task_id, reason=self._trouble
            )

    def _note_block(self) -> list[Write]:
        """For those who look at the task: what blocks it, or that nothing does any more."""
        if self._blocked_reason is None and not (self._batch.blocked and self._taken):
            return []
        return [Write(STATEMENTS["note_block"], (self._batch.hold.task_id, self._blocked_reason))]

    def _record(self, mark: Mark, ordinal: int, time_ms: int, code: int = 0, note: str = "") -> Record:
        hold = self._batch.hold
        return Record(mark, hold.task_id, hold.batch, hold.epoch, ordinal, time_ms, code, note)

    def _time_ms(self) -> int:
        return int(self._tools.now() * 1000)
