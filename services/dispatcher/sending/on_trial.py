"""The first messages of each task are on trial: their refusals are withheld until it is known whom the relay means."""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.dispatcher.channels.interface import Outcome, OutcomeKind
from services.dispatcher.decisions.judge_refusals import Trial
from services.dispatcher.sending.held_batch import HeldBatch
from services.dispatcher.sending.load_task import TaskToSend
from shared.domain.refusal import Refused
from shared.domain.task import Harm, PauseTask
from shared.event_store.handle_command import Handler
from shared.event_store.interface import VersionConflict
from shared.event_store.pause_itself import pause_itself
from shared.postgres.database import DatabaseError

log = structlog.get_logger(__name__)

KEPT: Final = 1_000  #: tasks whose trial is remembered; a forgotten one is simply held again

_HEARD: Final = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REFUSED, OutcomeKind.DEFERRED})


@dataclass(slots=True)
class _Kept:
    trial: Trial
    until: float = math.inf  #: monotonic seconds: what is claimed after that is on trial anew


class Trials:
    """Of the tasks that this process sends, one each; all its connections share it."""

    def __init__(self, handler: Handler, monotonic: Callable[[], float], count_paused: Callable[[Harm], None]) -> None:
        self._handler = handler
        self._monotonic = monotonic
        self._count_paused = count_paused
        self._kept: OrderedDict[int, _Kept] = OrderedDict()

    def of(self, batch: HeldBatch) -> Trial:
        task_id = batch.hold.task_id
        kept = self._kept.get(task_id)
        # What was claimed before the task came to rest must not be taken for a new beginning.
        if kept is None or batch.claimed_at > kept.until:
            kept = self._kept[task_id] = _Kept(Trial())
        self._kept.move_to_end(task_id)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept.trial

    async def carry_out(self, task: TaskToSend, trial: Trial) -> bool:
        """Lets the task rest, if a verdict says so; when it is sent again, it is on trial again. False: not yet."""
        if trial.verdict is None:
            return True
        command = PauseTask("refusals", trial.verdict)
        try:
            done = await pause_itself(self._handler, task.task_id, task.account_id, command)
        except (DatabaseError, VersionConflict) as error:
            log.warning("task not paused", action="task_not_paused", task_id=task.task_id, reason=str(error)[:200])
            return False
        if isinstance(done, Refused):
            return False
        if done.events:
            self._count_paused(command.cause)
        if done.state.stage == "sending" and not done.state.paused:
            trial.overrule()
        elif (kept := self._kept.get(task.task_id)) and kept.trial is trial:
            kept.until = min(kept.until, self._monotonic())
        return True


@dataclass(frozen=True, slots=True)
class Refusal:
    ordinal: int
    time_ms: int
    note: str


@dataclass(slots=True)
class Withheld:
    """The refusals of one batch that are no bounces yet."""

    trial: Trial
    _refusals: list[Refusal] = field(default_factory=list)

    def takes(self, ordinal: int, time_ms: int, outcome: Outcome) -> bool:
        """Hears an outcome; True when it is a refusal that is to be kept back. Nothing was taken from us then."""
        is_open = self.trial.is_open
        if not is_open and self.trial.verdict is None:
            return False
        withheld = refused = outcome.kind is OutcomeKind.REFUSED and outcome.code >= 500
        if is_open and outcome.kind in _HEARD:
            self.trial.hear(outcome.code if refused else 0, outcome.text)
        if withheld:
            self._refusals.append(Refusal(ordinal, time_ms, outcome.note))
        return withheld

    def release(self) -> list[Refusal]:
        """They are bounces after all."""
        refusals, self._refusals = self._refusals, []
        return refusals

    def __len__(self) -> int:
        return len(self._refusals)
