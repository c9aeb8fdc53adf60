"""The event loop of a service: asyncio's own, and uvloop for the one that sends, where it has a wheel.

What answers others stays on asyncio's: out of file descriptors it leaves new connections waiting until there are some,
where uvloop takes and closes them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

Result = TypeVar("Result")


def run_to_end(work: Coroutine[None, None, Result], *, sends: bool = False) -> Result:
    """As ``asyncio.run``: until ``work`` is done; Ctrl-C cancels it, and raises KeyboardInterrupt."""
    with asyncio.Runner(loop_factory=sending_loop() if sends else None) as runner:
        return runner.run(work)


def sending_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
