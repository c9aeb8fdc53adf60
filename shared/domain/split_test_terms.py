"""What a split test is asked to do, and by what it is decided: the values that its commands and events carry."""

from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.identifiers import Channel, Instant, ListId, MessageId, SearchId

Criterion = Literal["open", "click"]
Action = Literal["targetwinner", "tellme"]
SegmentType = Literal["percentage", "number"]
Tie = Literal["first", "random", "tellme"]
Why = Literal["score", "tie", "user"]

FEWEST: Final = 2
MOST: Final = 5  #: messages


@dataclass(frozen=True, slots=True)
class KnownMessage:
    """What was looked up of a message."""

    channel: Channel
    tracks_opens: bool
    tracks_clicks: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What may change until it starts; ``delay`` and ``action`` until the winner is known. ``delay``: hours."""

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


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one variant: to how many the relay took it, and how many of these did what counts, each person once."""

    accepted: int
    score: int
    cancelled: bool
