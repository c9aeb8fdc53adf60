"""What a gateway's answer means for the message it was given. Pure."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.channels.sms_http.answers import Answer
from shared.domain.sms_content import keepable

LONGEST_PAUSE_SECONDS: Final = 60.0  #: however long the gateway asks for: it may be well again before

_REFUSED: Final = frozenset({400, 422})
_TOLD_AS_TEXT: Final = ("application/json", "application/problem+json", "text/plain")


def judge(answer: Answer) -> Outcome:
    """2xx: taken. 400 and 422: refused for good. 429 and 5xx: not now. All else is said to us, not to the recipient."""
    kind = _kind(answer.status)
    pause = _asked_pause(answer) if kind is OutcomeKind.DEFERRED else 0.0
    return Outcome(kind, answer.status, _told(answer), Stage.DOT, pause)


def _kind(status: int) -> OutcomeKind:
    if 200 <= status < 300:
        return OutcomeKind.ACCEPTED
    if status in _REFUSED:
        return OutcomeKind.REFUSED
    return OutcomeKind.DEFERRED if status == 429 or status >= 500 else OutcomeKind.BLOCKED


def _told(answer: Answer) -> str:
    """Of a page in HTML no more than the reason beside its code."""
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = answer.body.decode("utf-8", "replace") if media_type in _TOLD_AS_TEXT else ""
    return keepable(text) or keepable(answer.reason)


def _asked_pause(answer: Answer) -> float:
    """Seconds of Retry-After (RFC 9110, 10.2.3); a moment counts from the gateway's own Date. 0.0: none."""
    asked = answer.headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), LONGEST_PAUSE_SECONDS)
    until, now = _moment(asked), _moment(answer.headers.get("date", ""))
    if until is None or now is None:
        return 0.0
    return min(max((until - now).total_seconds(), 0.0), LONGEST_PAUSE_SECONDS)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
