"""Whether an SMS is one of the words by which people end and begin messages to them. Pure."""

import re
import unicodedata
from typing import Final, Literal

Keyword = Literal["stop", "start"]

STOP_WORDS: Final = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit"})
START_WORDS: Final = frozenset({"start"})

_ALONE: Final = re.compile(r"[\W_]*([^\W_]+)[\W_]*")


def read_keyword(text: str) -> Keyword | None:
    """The word must stand alone: who writes more than that has something to say. Case and what is neither letter nor
    digit around it do not count, wide letters are letters.
    """
    match = _ALONE.fullmatch(unicodedata.normalize("NFKC", text))
    word = match[1].casefold() if match else ""
    if word in STOP_WORDS:
        return "stop"
    return "start" if word in START_WORDS else None
