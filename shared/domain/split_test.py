"""One split test: two to five messages are tried on a sample of an audience, and the best goes to the rest.

The audience is frozen once. A sample is drawn from it at random and shared out evenly, a task to each share; when these
have ended and the delay is over, their exact sets say which message won, and one more task sends it to the rest. Each
task is a task like any other (``shared.domain.task``), with the id of its split test. ``decide_split_test.decide`` says
what follows from a command, ``evolve`` what an event changes.

    scheduled --Started--> freezing --Drawn--> sending --Measured--> measured --WinnerChosen--> winning --> completed
        |                                         |----------------WinnerChosen-------------------|
        |-----------------------------SplitTestCancelled------------------------------------------|----> cancelled

With the action ``tellme``, or a tie that is to be told, it stays measured until a person names the winner; a person
may also do so before. Cancelling it cancels its tasks; whoever is in none is not sent to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from typing import Any, Final, Literal, assert_never

from shared.domain.identifiers import (
    AccountId,
    Instant,
    ListId,
    MessageId,
    SearchId,
    SplitTestId,
    TaskId,
    UserId,
)
from shared.domain.split_test_terms import Action, Criterion, Figures, KnownMessage, SegmentType, Terms, Tie, Why
from shared.domain.task import InDoubtPolicy

Stage = Literal["new", "scheduled", "freezing", "sending", "measured", "winning", "completed", "cancelled"]


# What somebody wants.


@dataclass(frozen=True, slots=True)
class CreateSplitTest:
    """``size`` is the number of mailable subscriptions now; ``known`` are those of the messages that there are."""

    splittest_id: SplitTestId
    account_id: AccountId
    user_id: UserId
    terms: Terms
    rate: int | None
    in_doubt: InDoubtPolicy
    size: int
    known: Mapping[int, KnownMessage]
    target_known: bool


@dataclass(frozen=True, slots=True)
class ChangeSplitTest:
    """A PUT: ``wanted`` are terms by name; ``winner_message_id`` a person's word on who won, ``cancelled`` on its end;
    None: nothing is said about it. ``known`` and ``target_known`` concern messages and target after the change.
    """

    wanted: Mapping[str, Any]
    winner_message_id: MessageId | None = None
    cancelled: bool | None = None
    known: Mapping[int, KnownMessage] = field(default_factory=dict)
    target_known: bool = True


@dataclass(frozen=True, slots=True)
class StartSplitTest:
    """The planner's wish, once it is due. Ids for a task to each message, and for that to the rest."""

    task_ids: tuple[TaskId, ...]
    rest_task_id: TaskId


@dataclass(frozen=True, slots=True)
class DrawSample:
    """The audience is written down: 0..recipients-1. ``seed``: chance, from which the draw follows."""

    recipients: int
    seed: int


@dataclass(frozen=True, slots=True)
class MeasureSplitTest:
    """The planner's wish, once the delay is over and the sets hold all that was recorded until then."""

    figures: tuple[Figures, ...]


@dataclass(frozen=True, slots=True)
class CompleteSplitTest:
    """The planner's wish, once all its tasks have ended."""


Command = CreateSplitTest | ChangeSplitTest | StartSplitTest | DrawSample | MeasureSplitTest | CompleteSplitTest


# What happened: stored for ever, so a field is only ever added.


@dataclass(frozen=True, slots=True)
class SplitTestCreated:
    splittest_id: SplitTestId
    account_id: AccountId
    user_id: UserId
    name: str
    message_ids: tuple[MessageId, ...]
    list_id: ListId | None
    search_id: SearchId | None
    criterion: Criterion
    action: Action
    delay: float
    segmenttype: SegmentType
    segmentvalue: int
    tie: Tie
    scheduledtime: Instant
    rate: int | None
    in_doubt: InDoubtPolicy
    size: int
    at: Instant


@dataclass(frozen=True, slots=True)
class SplitTestChanged(Terms):
    """The values after the change."""


@dataclass(frozen=True, slots=True)
class SplitTestStarted:
    task_ids: tuple[TaskId, ...]
    rest_task_id: TaskId
    at: Instant


@dataclass(frozen=True, slots=True)
class SplitTestDrawn:
    """``shares``: how many are in each, in the order of the messages. Who that is follows from the seed."""

    recipients: int
    seed: int
    shares: tuple[int, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class SplitTestMeasured:
    """In the order of the messages. ``leaders``: the best of them; none, where all variants were cancelled."""

    accepted: tuple[int, ...]
    scores: tuple[int, ...]
    leaders: tuple[MessageId, ...]
    at: Instant


@dataclass(frozen=True, slots=True)
class WinnerChosen:
    message_id: MessageId
    why: Why
    at: Instant


@dataclass(frozen=True, slots=True)
class SplitTestCancelled:
    at: Instant


@dataclass(frozen=True, slots=True)
class SplitTestCompleted:
    at: Instant


Event = (
    SplitTestCreated
    | SplitTestChanged
    | SplitTestStarted
    | SplitTestDrawn
    | SplitTestMeasured
    | WinnerChosen
    | SplitTestCancelled
    | SplitTestCompleted
)

_NOTHING: Final = Terms(
    "", (), None, None, "open", "targetwinner", 0.0, "percentage", 0, "first", scheduledtime=Instant(0.0)
)


@dataclass(frozen=True, slots=True)
class SplitTest:
    stage: Stage = "new"
    splittest_id: SplitTestId = SplitTestId(0)
    account_id: AccountId = AccountId(0)
    user_id: UserId = UserId(0)
    terms: Terms = _NOTHING
    rate: int | None = None
    in_doubt: InDoubtPolicy = "resend"
    size: int = 0
    cdate: Instant = Instant(0.0)
    started_at: Instant | None = None
    task_ids: tuple[TaskId, ...] = ()
    rest_task_id: TaskId | None = None
    draw: SplitTestDrawn | None = None
    measured: SplitTestMeasured | None = None
    winner: WinnerChosen | None = None
    endtime: Instant | None = None

    @property
    def rest(self) -> int:
        """How many are not in the sample; 0 before it is drawn."""
        return self.draw.recipients - sum(self.draw.shares) if self.draw else 0

    @property
    def winner_task_id(self) -> TaskId | None:
        """The task to the rest: there is none where the sample is everybody."""
        return self.rest_task_id if self.winner and self.rest else None

    @property
    def tasks(self) -> tuple[TaskId, ...]:
        """Those that there are by now."""
        if self.draw is None:
            return ()
        return self.task_ids if self.winner_task_id is None else (*self.task_ids, self.winner_task_id)


def evolve(test: SplitTest, event: Event) -> SplitTest:
    match event:
        case SplitTestCreated():
            return _created(event)
        case SplitTestChanged():
            return replace(test, terms=terms_of(event))
        case SplitTestStarted(task_ids, rest_task_id, at):
            return replace(test, stage="freezing", started_at=at, task_ids=task_ids, rest_task_id=rest_task_id)
        case SplitTestDrawn():
            return replace(test, stage="sending", draw=event)
        case SplitTestMeasured():
            return replace(test, stage="measured", measured=event)
        case WinnerChosen():
            return replace(test, stage="winning", winner=event)
        case SplitTestCancelled(at):
            return replace(test, stage="cancelled", endtime=at)
        case SplitTestCompleted(at):
            return replace(test, stage="completed", endtime=at)
        case _:
            assert_never(event)


def terms_of(event: SplitTestCreated | SplitTestChanged) -> Terms:
    return Terms(**{each.name: getattr(event, each.name) for each in fields(Terms)})


def _created(event: SplitTestCreated) -> SplitTest:
    return SplitTest(
        stage="scheduled",
        splittest_id=event.splittest_id,
        account_id=event.account_id,
        user_id=event.user_id,
        terms=terms_of(event),
        rate=event.rate,
        in_doubt=event.in_doubt,
        size=event.size,
        cdate=event.at,
    )


def replay(history: Iterable[Event]) -> SplitTest:
    return reduce(evolve, history, SplitTest())
