"""Whose turn it is: what a rate has granted for a moment does not wait until some other batch is at its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from services.dispatcher.sending.held_batch import HeldBatch

TURN_SECONDS: Final = 0.5  #: so long a batch is at work before it makes way, and so long it may take to do so
LOOK_SECONDS: Final = 0.1  #: how often whoever has had his turn is looked for, while a grant waits


class Turns:
    """Of the workers of one sender. Of a batch that is to make way no message is begun any more; the rest stays."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at_work: dict[HeldBatch, float] = {}  #: since when, or since when it is to make way; the oldest first
        self._free = 0  #: workers that wait for a batch
        self._waiting = 0  #: granted batches that wait for a worker

    def wait_for(self, batch: HeldBatch) -> None:
        self._waiting += _is_granted(batch)

    @contextmanager
    def free(self) -> Iterator[None]:
        """While a worker waits for a batch."""
        self._free += 1
        try:
            yield
        finally:
            self._free -= 1

    def begin(self, batch: HeldBatch) -> None:
        self._waiting -= _is_granted(batch)
        self._at_work[batch] = self._monotonic()

    def end(self, batch: HeldBatch) -> None:
        del self._at_work[batch]

    def make_way(self) -> bool:
        """Whether something granted waits for a worker; for each of these one batch makes way that has had its turn."""
        lacking = self._waiting - self._free
        if lacking <= 0:
            return False
        now = self._monotonic()
        # Whoever takes longer than a turn to make way is held up by the relay: then it is another one's.
        lacking -= sum(each.halt == "makes way" and now - since < TURN_SECONDS for each, since in self._at_work.items())
        for batch in self._had_turn()[: max(lacking, 0)]:
            batch.halt, self._at_work[batch] = "makes way", now
        return True

    def can_make_way(self) -> bool:
        """Whether something granted would find a worker for which nothing granted waits yet."""
        return len(self._had_turn()) > self._waiting

    def _had_turn(self) -> list[HeldBatch]:
        """Those that may make way."""
        latest = self._monotonic() - TURN_SECONDS
        known = self._at_work.items()
        return [each for each, since in known if since <= latest and each.pace_until is None and each.halt is None]


def _is_granted(batch: HeldBatch) -> bool:
    """A task of which nothing gets through takes nobody's turn."""
    return batch.pace_until is not None and not batch.blocked
