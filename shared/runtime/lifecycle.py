"""How loops live: they work, wait for a wake-up or a time-out, and stop when told. No bare sleeps."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

FAILURE_PAUSE_SECONDS = 1.0  #: how long a loop rests after an unexpected error


@dataclass(slots=True)
class Wakeup:
    """A bell that many may ring and one loop hears: any number of rings before it looks are one."""

    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    _later: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._rung.set()

    def ring_within(self, seconds: float) -> None:
        """Once for all who ask for it meanwhile: what they have done is then seen to together."""
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(seconds, self.ring)

    async def wait(self, seconds: float) -> None:
        """Until rung, at most so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()


async def run_loop(
    name: str,
    step: Callable[[], Awaitable[bool]],
    wakeup: Wakeup,
    stop: asyncio.Event,
    seconds: float,
    passing: tuple[type[Exception], ...] = (),
    rest: Callable[[], float] | None = None,
) -> None:
    """Calls ``step`` until ``stop``: at once again while it answers that there was work, else at a ring or after
    ``seconds``. ``rest``: how long it waits after work, so that more of it comes together; None: never.

    A step that raises is logged and tried again after a pause: a loop never dies of one bad moment. ``passing``: what
    is known to happen and to pass, and so needs no traceback.
    """
    ending = asyncio.create_task(_ring_at(stop, wakeup))
    try:
        while not stop.is_set():
            try:
                busy = await step()
            except passing as error:
                log.warning("loop waits", action="loop_waits", loop=name, reason=str(error)[:200])
                await rest_unless(stop, FAILURE_PAUSE_SECONDS)
                continue
            except Exception:
                log.exception("loop failed", action="loop_failed", loop=name)
                await rest_unless(stop, FAILURE_PAUSE_SECONDS)
                continue
            if not busy and not stop.is_set():
                await wakeup.wait(seconds)
            elif busy and rest and (pause := rest()):
                await rest_unless(stop, pause)
    finally:
        ending.cancel()


async def _ring_at(stop: asyncio.Event, wakeup: Wakeup) -> None:
    await stop.wait()
    wakeup.ring()


async def rest_unless(stop: asyncio.Event, seconds: float) -> None:
    """So long, or until ``stop``."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def keep_what_is_loaded() -> None:
    """To be called once a process is ready: what it has by now it keeps, so no collection looks through it again.

    That looking was a fifth of what the API took for a request.
    """
    gc.collect()
    gc.freeze()


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
