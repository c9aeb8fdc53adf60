"""What becomes of a single message after an attempt. Nothing that may have been taken is ever sent again."""

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from shared.domain.notice import NoticeState

#: What is known of an attempt: taken, refused for good or for now, its final dot sent and no answer read, or not even
#: that.
Said = Literal["accepted", "refused", "deferred", "doubtful", "not taken"]

REST_SECONDS: Final = 5.0  #: before a message is offered again that was not taken, without a word against it


@dataclass(frozen=True, slots=True)
class Verdict:
    """``pause``: seconds until it is due again, if it is ``waiting``; ``spent``: whether that is another attempt."""

    state: NoticeState
    reason: str = ""
    pause: float = 0.0
    spent: bool = False


def settle_notice(said: Said, text: str, next_pause: float | None) -> Verdict:
    """``text``: the relay's word, or what happened instead. ``next_pause``: after a refusal for now; None: that was the
    last attempt.
    """
    match said:
        case "accepted":
            return Verdict("accepted")
        case "refused":
            return Verdict("failed", text)
        case "doubtful":
            return Verdict("in_doubt", text)
        case "deferred":
            if next_pause is None:
                return Verdict("failed", f"retries exhausted: {text}")
            return Verdict("waiting", text, next_pause, spent=True)
        case "not taken":
            return Verdict("waiting", text, REST_SECONDS)
        case _:
            assert_never(said)
