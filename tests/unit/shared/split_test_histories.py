"""Split tests at every stage of their lives, as what was commanded of them."""

from dataclasses import replace
from typing import Any

from shared.domain.decide_split_test import decide
from shared.domain.identifiers import AccountId, Instant, ListId, MessageId, SplitTestId, TaskId, UserId
from shared.domain.split_test import (
    ChangeSplitTest,
    Command,
    CreateSplitTest,
    DrawSample,
    Event,
    MeasureSplitTest,
    SplitTest,
    StartSplitTest,
    evolve,
)
from shared.domain.split_test_terms import Figures, KnownMessage, Terms

NOON = Instant(43_200.0)
LATER, EARLIER = Instant(NOON + 60), Instant(NOON - 60)
KNOWN = {number: KnownMessage("email", tracks_opens=True, tracks_clicks=True) for number in (1, 2, 3)}
TERMS = Terms(
    name="Which one",
    message_ids=(MessageId(1), MessageId(2), MessageId(3)),
    list_id=ListId(5),
    search_id=None,
    criterion="open",
    action="targetwinner",
    delay=4.0,
    segmenttype="percentage",
    segmentvalue=30,
    tie="first",
    scheduledtime=LATER,
)
WISH = CreateSplitTest(
    splittest_id=SplitTestId(9),
    account_id=AccountId(7),
    user_id=UserId(70),
    terms=TERMS,
    rate=600,
    in_doubt="hold",
    size=100,
    known=KNOWN,
    target_known=True,
)
START = StartSplitTest((TaskId(11), TaskId(12), TaskId(13)), TaskId(14))
DRAW = DrawSample(100, 6)
EVEN = MeasureSplitTest((Figures(10, 2, cancelled=False),) * 3)
SECOND = MeasureSplitTest((Figures(10, 2, False), Figures(10, 3, False), Figures(10, 9, True)))


def after(*commands: Command, **terms: Any) -> SplitTest:
    """The split test that these commands make, each of which has to be carried out."""
    state = SplitTest()
    for command in (replace(WISH, terms=replace(TERMS, **terms)), *commands):
        decided = decide(state, command, NOON)
        assert isinstance(decided, list)
        assert decided
        state = evolved(state, decided)
    return state


def evolved(state: SplitTest, events: list[Event]) -> SplitTest:
    for event in events:
        state = evolve(state, event)
    return state


def change(**wish: Any) -> ChangeSplitTest:
    said = {name: wish.pop(name) for name in ("cancelled", "winner_message_id") if name in wish}
    return ChangeSplitTest(wanted=wish, known=KNOWN, **said)
