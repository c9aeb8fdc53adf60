"""Notices, as answers spell them."""

from typing_extensions import TypedDict

from shared.domain.identifiers import Channel
from shared.domain.notice import NoticeState, Purpose


class NoticeAnswer(TypedDict):
    """A single message outside any task. ``to``: null once the notice has expired. ``reason``: of a failure, in the
    words of whoever refused it.
    """

    id: int
    user_id: int | None
    subscriber_id: int | None
    channel: Channel
    purpose: Purpose
    to: str | None
    state: NoticeState
    reason: str
    attempt: int
    cdate: float
