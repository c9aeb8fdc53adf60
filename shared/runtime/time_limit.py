"""A limit of time for blocks that begin thousands of times a second: one timer for all of them.

``asyncio.timeout`` makes a timer for each block and sorts it among all others, for something that hardly ever happens.
Blocks that have the same limit end in the order in which they began, so it is enough to look at the oldest.
"""

import asyncio
from types import TracebackType


class TimeLimit:
    """``with limit.kept():`` raises TimeoutError when the block takes longer than ``seconds``. Of one event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun: dict[_Block, None] = {}  #: the oldest first
        self._timer: asyncio.TimerHandle | None = None

    def kept(self) -> "_Block":
        return _Block(self)

    def begin(self, block: "_Block", loop: asyncio.AbstractEventLoop) -> None:
        self._begun[block] = None
        if self._timer is None:
            self._timer = loop.call_at(block.until, self._look, loop)

    def end(self, block: "_Block") -> None:
        self._begun.pop(block, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """A timer that nobody waits for any more is let run out, and the next block begins another."""
        self._timer = None
        now = loop.time()
        while (oldest := next(iter(self._begun), None)) is not None:
            if oldest.until > now:
                self._timer = loop.call_at(oldest.until, self._look, loop)
                return
            del self._begun[oldest]
            oldest.overdue()


class _Block:
    __slots__ = ("_cancelled_before", "_limit", "_overdue", "_task", "until")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self._overdue = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a limit of time is for what a task does")
        self._task: asyncio.Task[object] = task
        self._cancelled_before = task.cancelling()
        loop = task.get_loop()
        self.until = loop.time() + self._limit.seconds
        self._limit.begin(self, loop)

    def overdue(self) -> None:
        self._overdue = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.end(self)
        # Who was cancelled by somebody else as well stays cancelled.
        if self._overdue and self._task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise TimeoutError from error
