"""A limit of time for what begins thousands of times a second: one timer for all of it.

``asyncio.timeout`` makes a timer for each block and sorts it among all others, for something that hardly ever happens.
What has the same limit ends in the order in which it began, so it is enough to look at the oldest.
"""

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType


class TimeLimit:
    """Of one event loop. What takes longer than ``seconds`` ends with TimeoutError."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._begun: dict[_Limited, None] = {}  #: the oldest first
        self._timer: asyncio.TimerHandle | None = None

    def kept(self) -> "_Block":
        """``with limit.kept():`` whatever is awaited in the block."""
        return _Block(self)

    def on(self, awaited: "asyncio.Future[None]") -> "_Waiting":
        """``with limit.on(future): await future``, and nothing else, for half the price."""
        return _Waiting(self, awaited)

    def begin(self, limited: "_Limited", loop: asyncio.AbstractEventLoop) -> None:
        limited.until = loop.time() + self.seconds
        self._begun[limited] = None
        if self._timer is None:
            self._timer = loop.call_at(limited.until, self._look, loop)

    def end(self, limited: "_Limited") -> None:
        self._begun.pop(limited, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """A timer that nobody waits for any more is let run out; whoever begins next makes another."""
        self._timer = None
        now = loop.time()
        while (oldest := next(iter(self._begun), None)) is not None:
            if oldest.until > now:
                self._timer = loop.call_at(oldest.until, self._look, loop)
                return
            del self._begun[oldest]
            oldest.overdue()


class _Limited(ABC):
    __slots__ = ("_limit", "until")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self.until = 0.0

    @abstractmethod
    def overdue(self) -> None: ...


class _Block(_Limited):
    __slots__ = ("_cancelled_before", "_overdue", "_task")

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a limit of time is for what a task does")
        self._task: asyncio.Task[object] = task
        self._cancelled_before = task.cancelling()
        self._overdue = False
        self._limit.begin(self, task.get_loop())

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


class _Waiting(_Limited):
    __slots__ = ("_awaited",)

    def __init__(self, limit: TimeLimit, awaited: "asyncio.Future[None]") -> None:
        super().__init__(limit)
        self._awaited = awaited

    def __enter__(self) -> None:
        self._limit.begin(self, self._awaited.get_loop())

    def overdue(self) -> None:
        if not self._awaited.done():
            self._awaited.set_exception(TimeoutError())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limit.end(self)
