"""Split tests, as requests and answers spell them."""

from typing import Annotated, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from services.api.fields import Count, Cursor, Flag, Hours, Id, IdOrNull, Moment, Name, Rate, RequestModel, Sought
from services.api.paging import DEFAULT_COUNT
from shared.domain.refusal import Fault
from shared.domain.split_test_tasks import LONGEST_NAME
from shared.domain.split_test_terms import FEWEST, MOST, Action, Criterion, SegmentType, Tie
from shared.domain.task import InDoubtPolicy

Sort = Literal[
    "id", "-id", "name", "-name", "scheduledtime", "-scheduledtime", "endtime", "-endtime", "cdate", "-cdate"
]
SplitTestName = Annotated[Name, Field(max_length=LONGEST_NAME)]
MessageIds = Annotated[list[Id], Field(min_length=FEWEST, max_length=MOST)]
NAME: Final = "Split test"  #: of one that nobody named


class NewSplitTest(RequestModel):
    """``segmentvalue`` percent of the audience, or that number of people, get one of the messages each; ``delay`` hours
    after the last of them the best by ``criterion`` goes to the rest.
    """

    name: SplitTestName = NAME
    message_ids: MessageIds
    list_id: IdOrNull = None
    search_id: IdOrNull = None
    criterion: Criterion
    action: Action = "targetwinner"
    delay: Hours
    segmenttype: SegmentType = "percentage"
    segmentvalue: Id
    tie: Tie = "first"
    scheduledtime: Moment
    rate: Rate = None
    in_doubt: InDoubtPolicy = "resend"

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        if (given.get("list_id") in (None, "")) == (given.get("search_id") in (None, "")):
            return [Fault("list_id", "exactly one of list_id and search_id must be given")]
        return []


class SplitTestChange(RequestModel):
    """What is given changes, until it starts; ``delay`` and ``action`` until it is measured. ``id`` is needed where the
    path has none. ``winner_message_id``: a person's word, from the start of the variants on.
    """

    id: Id | None = None
    cancelled: Flag = False
    winner_message_id: Id | None = None
    name: SplitTestName = Field(default_factory=str)
    message_ids: MessageIds = Field(default_factory=list)
    list_id: IdOrNull = None
    search_id: IdOrNull = None
    criterion: Criterion = "open"
    action: Action = "targetwinner"
    delay: Hours = 0.0
    segmenttype: SegmentType = "percentage"
    segmentvalue: Id = 1
    tie: Tie = "first"
    scheduledtime: Moment = Field(default_factory=float)


class SplitTestQuery(RequestModel):
    id: Id | None = None
    cancelled: Flag | None = None
    completed: Flag | None = None
    list_id: IdOrNull = None
    name: Sought | None = None
    sort: Sort = "id"
    count: Count = DEFAULT_COUNT
    start: Cursor | None = None


class VariantAnswer(TypedDict):
    """``task_id`` and ``recipients``: null until the sample is drawn. ``accepted`` and ``score``: null until it is
    measured; how many the relay took then, and how many of these opened it, or clicked in it.
    """

    message_id: int
    task_id: int | None
    recipients: int | None
    accepted: int | None
    score: int | None


class SplitTestAnswer(TypedDict):
    """``recipients``: the frozen audience, null until it is; that is the recipients of the variants and ``rest``.

    ``winner_task_id``: the task to the rest; null until there is a winner, and where nobody is left. ``endtime``: when
    the last of its tasks had ended, or of its cancellation.
    """

    id: int
    name: str
    message_ids: list[int]
    list_id: int | None
    search_id: int | None
    criterion: Criterion
    action: Action
    delay: float
    segmenttype: SegmentType
    segmentvalue: int
    tie: Tie
    scheduledtime: float
    rate: int | None
    in_doubt: InDoubtPolicy
    user_id: int
    size: int
    cdate: float
    started: bool
    cancelled: bool
    completed: bool
    endtime: float | None
    recipients: int | None
    rest: int | None
    variants: list[VariantAnswer]
    measured_at: float | None
    winner_message_id: int | None
    winner_task_id: int | None
