"""A connection that is replaced, never repaired. Knows nothing of what it connects to."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

import structlog

from shared.bus.watching import Patience, pause_after

log = structlog.get_logger(__name__)

Wire = TypeVar("Wire")


class Line(Generic[Wire]):
    """Holds one wire and opens another whenever it ends, until `keep` is cancelled."""

    def __init__(
        self,
        purpose: str,
        patience: Patience,
        connect: Callable[[asyncio.Event], AbstractAsyncContextManager[Wire]],
        start: Callable[[Wire], Awaitable[None]],
        look: Callable[[Wire], Awaitable[None]],
    ) -> None:
        """`connect` sets its event when the wire ends; `start` prepares each new one; `look` raises if it is no use."""
        self._purpose = purpose
        self._patience = patience
        self._connect = connect
        self._start = start
        self._look = look
        self._failures = 0
        self.up = asyncio.Event()

    @property
    def away(self) -> bool:
        """True from a failure until the line is up again; not while it is opened for the first time."""
        return self._failures > 0

    async def keep(self) -> None:
        while True:
            try:
                with stray_cancellation_as_fault():
                    await self._hold()
            except Exception as fault:  # noqa: BLE001 - whatever a driver raises, the line must be opened again
                self._failures += 1
                log.warning("bus_line_lost", purpose=self._purpose, failures=self._failures, fault=told(fault))
            await asyncio.sleep(pause_after(self._failures, self._patience.pause))

    async def _hold(self) -> None:
        """Raises when the wire has ended; never returns."""
        ended = asyncio.Event()
        async with self._connect(ended) as wire:
            async with asyncio.timeout(self._patience.step):
                await self._start(wire)
            self._failures = 0
            self.up.set()
            try:
                while not await _happens_within(self._patience.look, ended):
                    async with asyncio.timeout(self._patience.step):
                        await self._look(wire)
            finally:
                self.up.clear()
        raise ConnectionError("ended by the other side")


@contextlib.contextmanager
def stray_cancellation_as_fault() -> Iterator[None]:
    """A driver cancels its own futures when a connection ends; without this, that would end whoever awaits them."""
    try:
        yield
    except asyncio.CancelledError as stray:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("the connection ended") from stray


def told(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__


async def _happens_within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
