"""Does a relay refuse recipients, or us? The first messages of a task tell. Pure.

A relay that refuses one recipient like the other means us (our place, our sender, our content), though it says so at
RCPT or after the content. Then those refusals are nobody's bounces, and the task rests before its whole audience is
bounced. Where the words are about the mailbox it is more likely a list with many dead addresses: that may go on up to
half of them.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from shared.domain.bounce import classify_bounce

FIRST: Final = 100  #: messages with an outcome; after these no more is judged
MOST_ALIKE: Final = 20  #: of them may be refused alike
MOST_DEAD: Final = 50  #: the same, where the relay says that there is no such mailbox

_STATUS: Final = re.compile(r"5\.\d{1,3}\.\d{1,3}(?=\s|$)")


@dataclass(slots=True)
class Trial:
    """What one process heard of the first messages of a task."""

    verdict: str | None = None  #: why the task should rest; for people, and without any address
    _heard: int = 0
    _alike: Counter[tuple[str, bool]] = field(default_factory=Counter)

    @property
    def is_open(self) -> bool:
        return self.verdict is None and self._heard < FIRST

    def hear(self, code: int, text: str) -> None:
        """A message has its outcome. ``code``: of the relay's reply, from 500 on a refusal; ``text``: its words."""
        self._heard += 1
        if code < 500:
            return
        status = _STATUS.match(text)
        answer = f"{code} {status[0]}" if status else str(code)
        dead = classify_bounce(f"{code} {text}") == "hard"
        self._alike[answer, dead] += 1
        if self._alike[answer, dead] > (MOST_DEAD if dead else MOST_ALIKE):
            count = self._alike[answer, dead]
            self.verdict = f"{count} of the first {self._heard} messages were refused with {answer}"

    def overrule(self) -> None:
        """A person wants it sent all the same."""
        self.verdict, self._heard = None, FIRST
